/** None, one or several agents behind one client connection. */
import { MergedUpstream } from "./merged-upstream.ts";
import { SingleUpstream } from "./single-upstream.ts";
import { type AgentAddress, type Upstream, UpstreamError, type UpstreamTimeouts } from "./upstream.ts";

/** Nothing is opened before the first request. */
export function createUpstream(addresses: readonly AgentAddress[], timeouts: UpstreamTimeouts): Upstream {
  const [first, ...others] = addresses;
  if (!first) return noUpstream;
  return others.length === 0
    ? new SingleUpstream(first, timeouts)
    : new MergedUpstream([first, ...others], timeouts);
}

const noUpstream: Upstream = {
  exchange: () =>
    Promise.reject(
      new UpstreamError("no upstream agent: set SSH_AUTH_SOCK, or upstream_agent in config.toml"),
    ),
  close: () => {},
};
