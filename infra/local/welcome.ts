/** What `npm start` prints once everything answers: where it is, three calls to paste, how to look, how to stop. */

export interface WelcomeFacts {
  readonly url: string;
  readonly version: string;
  readonly regions: readonly string[];
}

/** The text for the terminal. */
export function welcome({ url, version, regions }: WelcomeFacts): string {
  const post = (body: object, file: string) =>
    `  curl -sS ${url}/v1/generate -H 'content-type: application/json' -D - -o ${file} \\\n    -d '${JSON.stringify(body)}'`;
  return `
Galley is up at ${url}   (snapshot ${version}; simulated GPUs in ${regions.join(", ")})

A draft:
${post({ prompt: "a paper boat on a puddle", purpose: "draft-art" }, "draft.png")}

A preview:
${post({ prompt: "a lighthouse at dusk, long exposure" }, "preview.png")}

A picture with text in it:
${post({ prompt: "a poster for a lantern festival", text: [{ content: "GLOW" }] }, "poster.png")}

What runs, with which configuration:   curl -s ${url}/v1/status
Pretend to be elsewhere:               add   -H 'galley-client-location: country=JP; continent=AS'
Stop everything:                       Ctrl-C

The pictures are drawn by simulators, not by models; each carries a small mark that says so.
`;
}
