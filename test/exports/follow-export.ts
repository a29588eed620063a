/** Waiting for an export, and what it passed through, over HTTP. */

/** A state document, as far as tests look at it. */
export interface ShownExport {
  readonly id: string;
  readonly done: boolean;
  readonly metadata: {
    readonly state: string;
    readonly attempts: readonly { readonly step: string; readonly outcome: string; readonly endpoint: string }[];
  } & Readonly<Record<string, unknown>>;
  readonly response?: {
    readonly sha256: string;
    readonly bytes: number;
    readonly width: number;
    readonly warnings: readonly string[];
  };
  readonly error?: { readonly code: string };
}

/** The document, once the export has ended. */
export async function untilOver(url: string, id: string): Promise<ShownExport> {
  for (;;) {
    const shown = (await (await fetch(`${url}/v1/exports/${id}`)).json()) as ShownExport;
    if (shown.done) return shown;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** The states that a job passed through, in order. */
export async function statesOf(url: string, id: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/v1/exports/${id}/events`, { headers: { "last-event-id": "0" } });
  const text = await response.text();
  return Array.from(text.matchAll(/^event: state\ndata: (.*)$/gm), ([, data = ""]) => JSON.parse(data).state as string);
}
