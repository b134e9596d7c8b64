"""Count sheets: who counts what where, and the differences, applied against what has moved since each number was counted."""
