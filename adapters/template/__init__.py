"""An adapter to copy: it connects a node with a register of child-protection cases that we made up.

Records of children found become `case.notification`; messages for the agency are entered in the register.
"""
