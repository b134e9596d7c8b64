"""Units that customers send back: into quarantine, inspected, and each of them put on sale, written off or sent to the supplier, once."""
