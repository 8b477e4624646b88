/**
 * Plays the seeds that it is told, in a thread of its own; `main.ts` has one for each core.
 *
 * @module
 */
import { type SimOptions, type SimResult, simulate } from "./simulation.ts";

/** What it is told: options of one seed. It answers each with its {@link SimResult}. */
export type SeedOrder = Omit<SimOptions, "mutant" | "wholeTrace">;

/** What it says when the simulation itself failed. */
export interface SeedError {
  readonly seed: number;
  readonly error: string;
}

/** Global scope of a worker, of which the types of a main thread know nothing. */
interface PlayerScope {
  onmessage: (event: MessageEvent<SeedOrder>) => void;
  postMessage(answer: SimResult | SeedError): void;
}

const scope = self as unknown as PlayerScope;

scope.onmessage = async ({ data }) => {
  try {
    scope.postMessage(await simulate(data));
  } catch (error) {
    scope.postMessage({ seed: data.seed, error: String(error) });
  }
};
