"""Workbooks of the Human Trafficking Case Data Standard 2.0: a row becomes a notification, and back.

The standard is by the International Organization for Migration (repository UNMigration/HTCDS at 3c2f653),
licensed under CC BY 4.0. The mapping is this project's, and nobody at IOM has seen it.
"""
