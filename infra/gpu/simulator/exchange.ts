/**
 * What passes between the HTTP server and a dialect: one request as data, one reply as data, and the studio that makes pictures.
 */
import type { PictureFormat } from "./draw/picture.ts";
import type { SimulatedEndpoint } from "./endpoint.ts";

/** An HTTP answer as data. */
export interface Reply {
  readonly status: number;
  /** Lower-case names. `content-length` is added by the server. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | string;
}

/** Ways to say no that every protocol words for itself. */
export type TroubleKind =
  | "invalid"
  | "unauthorized"
  | "refused"
  | "model-gone"
  | "rate-limited"
  | "quota-exhausted"
  | "server-error"
  | "unavailable"
  | "timed-out";

/** One such no. */
export interface Trouble {
  readonly kind: TroubleKind;
  readonly message: string;
  /** Seconds, where the protocol has a place for it. */
  readonly retryAfterS?: number;
}

/** Pictures to be made by one request. Everything is settled: sizes in px, a seed, a format. */
export interface Order {
  readonly prompt: string;
  readonly negativePrompt?: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly steps?: number;
  readonly guidance?: number;
  readonly text?: readonly string[];
  readonly format: PictureFormat;
  readonly image?: { readonly bytes: Uint8Array; readonly keep: number };
  readonly mask?: Uint8Array;
  /** How many; the further ones take the seeds after `seed`. Default 1. */
  readonly pictures?: number;
  /** The client's own limit, real ms: past it the work is dropped. */
  readonly timeoutMs?: number;
  /** A content filter blurs the picture. */
  readonly filtered?: boolean;
  /** `image` is resampled to width × height; nothing is drawn anew. */
  readonly upscaled?: boolean;
}

/** What came of an order. */
export type Render =
  | {
      readonly outcome: "drawn";
      readonly pictures: readonly Uint8Array<ArrayBuffer>[];
      /** Simulated ms. */
      readonly queueMs: number;
      readonly gpuMs: number;
    }
  | { readonly outcome: "full"; readonly retryAfterS: number }
  | { readonly outcome: "timed-out" }
  | { readonly outcome: "unreadable-image" }
  | { readonly outcome: "cancelled" };

/** A picture kept behind a temporary URL. */
export interface Hosted {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
}

/** Work that goes on after its reply; `render` is there once it is done. */
export interface Later {
  readonly order: Order;
  readonly render?: Render;
}

/** One request as a dialect sees it, with all it may do. */
export interface Exchange {
  readonly endpoint: SimulatedEndpoint;
  /** Path below the endpoint's prefix, and its groups that the route's pattern named. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where clients reach this endpoint, without a slash at the end. */
  readonly baseUrl: string;
  /** The version to report: the pin, unless a fault says otherwise. */
  readonly reportedPin: string;
  /** A seed in 0…2³¹−1 for requests that name none. */
  drawSeed(): number;
  render(order: Order): Promise<Render>;
  /** Facts for `/_control/state`. Never the prompt. */
  note(facts: { readonly seed?: number; readonly model?: string; readonly timeoutMs?: number }): void;
  /** Keeps a picture for an hour and gives the id under which `fetchHosted` finds it. */
  host(picture: Hosted): string;
  fetchHosted(id: string): Hosted | undefined;
  /** Starts work that goes on after the reply (asynchronous results); `poll` tells how it stands. */
  startLater(order: Order): string;
  pollLater(id: string): Later | undefined;
}

/** One call of a protocol. */
export interface Route {
  readonly method: "GET" | "POST";
  /** Against the path below the prefix; named groups become `params`. */
  readonly path: RegExp;
  /** Makes pictures: faults apply, requests are recorded. */
  readonly work: boolean;
  /** Needs no key: health, and URLs that carry their own signature. */
  readonly open?: boolean;
  handle(exchange: Exchange): Promise<Reply> | Reply;
}

/** One upstream protocol, from the server's side. */
export interface ServerDialect {
  readonly routes: readonly Route[];
  /** The key in a request, where this protocol puts it. */
  keyIn(headers: Headers, query: URLSearchParams): string | undefined;
  trouble(trouble: Trouble, endpoint: SimulatedEndpoint): Reply;
  /** A well-formed success without any picture in it. */
  empty(endpoint: SimulatedEndpoint): Reply;
}
