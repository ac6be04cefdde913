"""The process: sockets, uvicorn, signals."""
