"""Tables in files: bytes to text, text and spreadsheets to rows. For flows/importing."""
