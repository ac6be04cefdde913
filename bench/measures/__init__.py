"""The measures: each turns a Rig into Figures. `catalogue.py` lists them."""
