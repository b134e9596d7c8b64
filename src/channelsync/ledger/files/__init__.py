"""What files may say to the ledger and be told by it: one kind of file is a table of columns and a few functions. No file is opened here."""
