"""What deploys the project: read, replayed, and typed in against stand-ins."""

NO_GCLOUD = "no gcloud here: its own parser has not seen the commands, they are held to the list of known flags alone"
