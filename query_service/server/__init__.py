"""The server process: sockets, uvicorn, signals."""
