"""What must be true of the tables: pure rules, and the asset checks that apply them to rows."""
