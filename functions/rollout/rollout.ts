/**
 * Rollout: one Durable Object an experiment, by the canary's name. What it does is `rollout-host.ts`'s; here it gets storage and an alarm.
 */
import { DurableObject } from "cloudflare:workers";
import type { CommandResult, OutcomeBatch, PersonCommand } from "../../routing/index.ts";
import { createRolloutHost, type RolloutHost } from "./rollout-host.ts";
import type { ArmState, RolloutObject, RolloutView, Started, StartOrder } from "./rollout-protocol.ts";

export class Rollout extends DurableObject implements RolloutObject {
  readonly #host: RolloutHost;

  constructor(state: DurableObjectState, env: unknown) {
    super(state, env as never);
    const { storage } = state;
    this.#host = createRolloutHost({
      nowMs: () => Date.now(),
      storage: { get: (key) => storage.get(key), put: (entries) => storage.put({ ...entries }) },
      saveIn: (ms) => void storage.setAlarm(Date.now() + ms),
      tell: (line) => console.log(JSON.stringify(line)),
    });
    void state.blockConcurrencyWhile(() => this.#host.restore());
  }

  arms(): Promise<ArmState> {
    return this.#host.arms();
  }

  report(batch: OutcomeBatch): Promise<ArmState> {
    return this.#host.report(batch);
  }

  claimShadow(gpuMs: number): Promise<boolean> {
    return this.#host.claimShadow(gpuMs);
  }

  start(order: StartOrder): Promise<Started> {
    return this.#host.start(order);
  }

  command(word: PersonCommand): Promise<CommandResult | undefined> {
    return this.#host.command(word);
  }

  view(): Promise<RolloutView | undefined> {
    return this.#host.view();
  }

  /** Asked for with `saveIn`; the platform runs it at least once, and again when it throws. */
  override alarm(): Promise<void> {
    return this.#host.save();
  }
}
