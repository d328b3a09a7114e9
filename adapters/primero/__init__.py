"""Connects a node with an agency's Primero or CPIMS+ (version 2): referrals and transfers, both ways. See
README.md."""
