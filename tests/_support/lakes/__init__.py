"""Lakes in memory and in folders, their histories, and stores with faults."""
