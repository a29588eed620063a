/** The body of a job's webhook: thin, with links to what it tells of. Standard Webhooks: `{type, timestamp, data}`. */
import type { Job } from "../../routing/index.ts";
import type { JobOrder } from "./job-order.ts";

/** The text that is signed and sent. */
export function webhookBody(order: JobOrder, job: Job, nowMs: number): string {
  const { id } = order.terms;
  const url = `${order.origin}/v1/exports/${id}`;
  return JSON.stringify({
    type: `export.${job.state}`,
    timestamp: new Date(nowMs).toISOString(),
    data: {
      id,
      state: job.state,
      url,
      ...(job.picture === undefined ? {} : { image_url: `${url}/image`, sha256: job.picture.sha256 }),
      ...(job.failure === undefined ? {} : { error: job.failure }),
    },
  });
}
