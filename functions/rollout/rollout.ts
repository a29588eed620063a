/**
 * Rollout: one Durable Object an experiment, by the canary's name. What it does is `rollout-host.ts`'s; here it gets storage and an alarm.
 */
import { DurableObject } from "cloudflare:workers";
import type { CommandResult, OutcomeBatch, PersonCommand } from "../../routing/index.ts";
import { movePointer, toPushStore } from "./move-pointer.ts";
import { createRolloutHost, type RolloutHost } from "./rollout-host.ts";
import type { ArmState, RolloutObject, RolloutView, StageOrder, Started, StartOrder } from "./rollout-protocol.ts";

interface RolloutEnv {
  /** Where the pointer of a staged push is moved. */
  readonly CONFIG: KVNamespace;
}

export class Rollout extends DurableObject<RolloutEnv> implements RolloutObject {
  readonly #host: RolloutHost;

  constructor(state: DurableObjectState, env: RolloutEnv) {
    super(state, env);
    const { storage } = state;
    this.#host = createRolloutHost({
      nowMs: () => Date.now(),
      storage: { get: (key) => storage.get(key), put: (entries) => storage.put({ ...entries }) },
      wakeIn: (ms) => void storage.setAlarm(Date.now() + ms),
      movePointer: (move) =>
        movePointer(move, {
          store: toPushStore(env.CONFIG),
          nowMs: Date.now(),
          mark: crypto.randomUUID().slice(0, 8),
          wait: (ms) => new Promise((done) => setTimeout(done, ms)),
        }),
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

  stage(order: StageOrder): Promise<ArmState> {
    return this.#host.stage(order);
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

  /** Asked for with `wakeIn`; the platform runs it at least once, and again when it throws. */
  override alarm(): Promise<void> {
    return this.#host.work();
  }
}
