"""What happened to each entry: verified, exported, told; and names replaced in it."""
