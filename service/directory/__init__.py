"""The directory on its way: registrar, own entries, the node's last good copy."""
