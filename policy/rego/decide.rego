# The entry points. Each answer carries the revision that the engine runs, read in the same evaluation:
# without a revision an entry point is undefined, and the caller refuses.
package copilot.decide

revision := data.copilot.revision.bundle_hash

readable := {
	"revision": revision,
	"value": {"positions": data.copilot.read.readable, "until_s": data.copilot.principal.until_s},
}

may_read := {"revision": revision, "value": data.copilot.read.decisions}

obstacles := {"revision": revision, "value": data.copilot.read.obstacles}

permits := {"revision": revision, "value": data.copilot.acts.decision}

fields := {"revision": revision, "value": data.copilot.fields.open}

may_use := {"revision": revision, "value": data.copilot.tools.decision}

may_route := {"revision": revision, "value": {"allow": data.intelgraph.llm.route.allow, "reason": data.intelgraph.llm.route.reason}}

may_release := {"revision": revision, "value": {"action": data.intelgraph.llm.output.action}}
