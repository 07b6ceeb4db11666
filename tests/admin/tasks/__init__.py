"""What people come to do, from the first page to the end of it, by clicking."""
