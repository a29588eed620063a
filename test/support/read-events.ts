/**
 * Reads a server-sent event stream as a browser does: names, data, comments.
 */
export interface ReadEvent {
  readonly name: string;
  readonly data: string;
}

export interface ReadEvents {
  readonly events: readonly ReadEvent[];
  readonly comments: readonly string[];
}

/** Reads to the end. */
export async function readEvents(response: Response): Promise<ReadEvents> {
  const events: ReadEvent[] = [];
  const comments: string[] = [];
  for (const block of (await response.text()).split("\n\n")) {
    const lines = block.split("\n");
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    comments.push(...lines.filter((line) => line.startsWith(":")));
    const data = field("data");
    if (data !== undefined) events.push({ name: field("event") ?? "message", data });
  }
  return { events, comments };
}
