"""Cloud Monitoring's dashboard as a picture, drawn from its JSON over a modelled incident."""
