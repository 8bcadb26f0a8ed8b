# The entry points. Each answer carries the revision that the engine runs, read in the same evaluation:
# without a revision an entry point is undefined, and the caller refuses.
package copilot.decide

revision := data.copilot.revision.bundle_hash

readable := {"revision": revision, "value": data.copilot.read.readable}

may_read := {"revision": revision, "value": data.copilot.read.decision}

permits := {"revision": revision, "value": data.copilot.acts.decision}

fields := {"revision": revision, "value": data.copilot.fields.open}
