/**
 * Whether a fenced node may take its name back: not from a newer start of it that is alive. The
 * newer one wins; to push it out again would have both fence each other for ever.
 *
 * @module
 */
import type { Log } from "../../actors/runtime/ports.ts";
import type { Directory } from "../directory/directory.ts";
import type { Suspicions } from "./suspicions.ts";

export interface NameGuardOptions {
  readonly directory: Directory;
  readonly log: Log;
  readonly suspicions: Suspicions;
  /** The node's name, and where it listens. */
  readonly self: { readonly node: string; readonly address: string; readonly port: number };
}

export class NameGuard {
  readonly #options: NameGuardOptions;
  /** Somebody else had the name when it was looked at last. */
  taken = false;

  constructor(options: NameGuardOptions) {
    this.#options = options;
  }

  /** Looks whether the name is taken. @throws {DirectoryUnavailable} */
  async look(): Promise<boolean> {
    const { directory, log, suspicions, self } = this.#options;
    const { members } = await directory.members();
    const holder = members.get(self.node);
    // Where we listen nobody else can: that was us, in a join whose answer was lost.
    const ours = holder?.address === self.address && holder.port === self.port;
    if (holder === undefined || ours) return this.taken = false;
    const { address, port, host } = holder;
    if (!this.taken) {
      log.error("another node has this name, waiting for it to go", { address, port, host });
    }
    this.taken = true;
    // With nobody else there to see that it has died, it is this node that looks.
    if (members.size === 1) await suspicions.lease(holder);
    return true;
  }
}
