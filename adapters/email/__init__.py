"""For an office whose only system is e-mail: messages as AES-256 PDFs, the password by another way."""
