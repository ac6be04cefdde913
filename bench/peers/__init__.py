"""What users would pick instead, each as they would write it: one process a peer, started by its measure."""
