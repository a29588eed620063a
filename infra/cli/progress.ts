/** Progress on stderr, so that stdout stays what was asked for. A line ends with how long it took, once that is more than a second. */

/** Says what is being done while it is done. */
export async function progress<Value>(words: string, work: () => Promise<Value>): Promise<Value> {
  const startedAtMs = performance.now();
  const isTerminal = process.stderr.isTTY === true;
  if (isTerminal) process.stderr.write(`${words} …`);
  else console.error(`${words} …`);
  try {
    return await work();
  } finally {
    const tookMs = performance.now() - startedAtMs;
    if (isTerminal) process.stderr.write(tookMs < 1_000 ? "\n" : ` ${(tookMs / 1_000).toFixed(1)} s\n`);
  }
}
