"""An MCP client. Usage: client.py URL CALLS

It starts a session, calls the tool `count` so many times, and prints each result as a line. When it reads a line, it continues with the
same session: it prints the error of the next call, then starts a new session and prints the result of a call there.
"""

import sys

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

url, calls = sys.argv[1], int(sys.argv[2])
ids: set[str] = set()


async def note(response: httpx2.Response) -> None:
    """Print statuses of errors, and remember what the client saw of its session."""
    if response.status_code >= 400:
        print("status", response.status_code, flush=True)
    ids.update(response.headers.get_list("mcp-session-id"))


def connect(http: httpx2.AsyncClient) -> Client:
    # Sessions belong to the protocol up to version 2025-11-25; "legacy" is the SDK's name for those.
    return Client(streamable_http_client(url, http_client=http), mode="legacy")


async def count(client: Client) -> None:
    result = await client.call_tool("count", {})
    print("result", result.content[0].text, flush=True)


async def main() -> None:
    async with httpx2.AsyncClient(event_hooks={"response": [note]}) as http:
        async with connect(http) as client:
            for _ in range(calls):
                await count(client)
            print("id", *ids, flush=True)
            await anyio.to_thread.run_sync(sys.stdin.readline)
            try:
                await count(client)
            except MCPError as error:
                print("error", error.error.message, flush=True)
        async with connect(http) as client:
            await count(client)


anyio.run(main)
