"""An MCP server whose sessions are in its memory.

Its tool `count` counts the calls of each session, and names the process that counted. Usage: server.py NAME PORT
"""

import sys
from collections import Counter

from mcp.server.mcpserver import Context, MCPServer

name, port = sys.argv[1], int(sys.argv[2])
calls: Counter[str] = Counter()
server = MCPServer(name)


@server.tool()
async def count(context: Context) -> str:
    """Count the calls of this session."""
    # The server's own session id: it shows what reaches the server, which the client never sees.
    session = context.headers["mcp-session-id"]
    calls[session] += 1
    return f"{name} {session} {calls[session]}"


server.run("streamable-http", host="127.0.0.1", port=port)
