// A status document as lines for people.
import Foundation

enum StatusText {
    static func render(_ status: StatusDocument) -> String {
        var lines: [String] = []
        let supervisor = status.supervisor
        lines.append(
            "martlet \(supervisor.version), pid \(supervisor.pid), up \(duration(supervisor.uptimeSeconds)), "
                + status.state
        )
        lines.append("  runtime directory  \(supervisor.runtimeDirectory)")
        lines.append("  listening on       \(status.slots.addresses.joined(separator: ", "))")
        lines.append(
            "  slots              \(status.slots.live.count) live of \(status.slots.perAddress), "
                + "steering \(status.slots.steering)"
        )
        if let overrides = status.overrides.flatMap(render) { lines.append("  flags              \(overrides)") }
        let cache = status.cache
        lines.append(
            "  cache              \(cache.objects) objects, \(size(cache.storedBytes)) stored, "
                + "region \(size(cache.sizeBytes))"
                + "\(cache.file.map { ", file \($0)" } ?? "")")
        let counters = status.counters
        func count(_ name: String) -> UInt64 { counters[name] ?? 0 }
        lines.append(
            "  requests           \(count("requests")): \(count("hits")) hits, \(count("stale_hits")) stale, "
                + "\(count("misses")) misses, \(count("passes")) passes")
        if let change = status.change { lines.append("  change             \(change.what): \(change.phase)") }
        if status.waitingChanges > 0 { lines.append("  waiting changes    \(status.waitingChanges)") }
        if let janitor = status.janitor { lines.append(render(janitor)) }
        for generation in status.generations { lines += render(generation) }
        if status.restarts > 0 {
            lines.append("restarts: \(status.restarts)")
            for note in status.lastRestarts.suffix(5) {
                lines.append("  \(note.at.formatted(.iso8601)) slot \(note.slot) pid \(note.pid) \(note.reason)")
            }
        }
        for missing in status.missingMechanisms { lines.append("missing: \(missing)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Nil when the configuration file decides everything.
    private static func render(_ overrides: StatusDocument.Overrides) -> String? {
        let said = [("workers", overrides.workers), ("io", overrides.io), ("cache-size", overrides.cacheSize)]
            .compactMap { name, value in value.map { "\(name) \($0)" } }
        return said.isEmpty ? nil : said.joined(separator: ", ") + " (instead of the file's)"
    }

    private static func render(_ janitor: StatusDocument.Janitor) -> String {
        func count(_ name: String) -> UInt64 { janitor.counters[name] ?? 0 }
        return "  janitor            pid \(janitor.pid) lane \(janitor.lane) \(janitor.state), "
            + "up \(duration(janitor.uptimeSeconds)); \(count("janitor_wakes")) wake-ups, "
            + "\(count("janitor_evictions")) segments evicted, \(count("janitor_dictionaries")) dictionaries, "
            + "\(count("janitor_recompressions")) objects recompressed, \(count("janitor_encodings")) encoded"
    }

    private static func render(_ generation: StatusDocument.Generation) -> [String] {
        let kept = generation.keptBy.map { ", kept by \($0)" } ?? ""
        var lines = ["generation \(generation.number) (\(generation.state)\(kept))"]
        for worker in generation.workers {
            let lane = worker.holdsLane != false ? "lane \(worker.lane)" : "no lane any more"
            var line =
                "  pid \(worker.pid.map(String.init) ?? "-") slot \(worker.slot) \(lane) \(worker.state)"
            line += ", up \(duration(worker.uptimeSeconds))"
            if worker.adopted { line += ", adopted" }
            if let connections = worker.connections {
                line += "; connections: \(part("idle", connections.idle)), \(part("active", connections.active)), "
                line += part("streams", connections.streams)
            }
            lines.append(line)
        }
        return lines
    }

    private static func part(_ name: String, _ part: StatusDocument.Connections.Class) -> String {
        part.count == 0 ? "0 \(name)" : "\(part.count) \(name) (oldest \(part.oldestSeconds) s)"
    }

    private static func duration(_ seconds: Int) -> String {
        if seconds < 120 { return "\(seconds) s" }
        return seconds < 7_200 ? "\(seconds / 60) min" : "\(seconds / 3_600) h"
    }

    private static func size(_ bytes: Int) -> String { Quantity.show(bytes: UInt64(max(0, bytes))) }
}
