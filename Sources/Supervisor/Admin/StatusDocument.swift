// What `GET /v1/status` answers, and `martlet status` prints. Names are part of the interface: add, do not rename.
import Foundation

struct StatusDocument: Codable, Sendable, Equatable {
    struct Supervisor: Codable, Sendable, Equatable {
        var pid: Int32
        var version: String
        var uptimeSeconds: Int
        var runtimeDirectory: String
        var upgrades: Int
    }

    struct Generation: Codable, Sendable, Equatable {
        var number: UInt32
        /// current, starting or draining
        var state: String
        var workers: [Worker]
        /// What keeps an old generation alive, in words.
        var keptBy: String?
    }

    struct Worker: Codable, Sendable, Equatable {
        var pid: Int32?
        var slot: Int
        var lane: Int
        /// False once a draining worker that keeps tunnels only has given its lane back.
        var holdsLane: Bool?
        var state: String
        var accepts: [Int]
        var uptimeSeconds: Int
        var adopted: Bool
        var backend: String?
        var build: String?
        var connections: Connections?
        var counters: [String: UInt64]
    }

    struct Connections: Codable, Sendable, Equatable {
        struct Class: Codable, Sendable, Equatable {
            var count: UInt32
            var oldestSeconds: UInt32
        }

        var idle: Class
        var active: Class
        var streams: Class
        var fills: UInt32
    }

    struct Slots: Codable, Sendable, Equatable {
        var perAddress: Int
        var live: [Int]
        /// "cbpf", or why new connections cannot be steered.
        var steering: String
        var addresses: [String]
        var removedAddresses: [String]
    }

    struct Cache: Codable, Sendable, Equatable {
        var sizeBytes: Int
        var file: String?
        var warm: Bool
        /// new, same-boot, clean-reboot or unclean-reboot: what it went through before this supervisor opened it.
        var history: String?
        var objects: Int
        var storedBytes: Int
        var bodyBytes: Int
        var fillsRunning: Int
        var clockSeconds: UInt32
    }

    /// What a flag, or a command since, says in place of the configuration file.
    struct Overrides: Codable, Sendable, Equatable {
        var workers: String?
        var io: String?
        var cacheSize: String?
    }

    struct Janitor: Codable, Sendable, Equatable {
        var pid: Int32
        var lane: Int
        /// starting, working or leaving
        var state: String
        var uptimeSeconds: Int
        /// Times that one ended without being asked to.
        var restarts: Int
        var build: String
        var counters: [String: UInt64]
    }

    struct RestartNote: Codable, Sendable, Equatable {
        var at: Date
        var slot: Int
        var pid: Int32
        var reason: String
        var delayMilliseconds: Int64
    }

    struct ChangeNote: Codable, Sendable, Equatable {
        var what: String
        var phase: String
    }

    var state: String
    var supervisor: Supervisor
    var workers: Int
    var configurationRevision: UInt64
    var overrides: Overrides?
    var generations: [Generation]
    var slots: Slots
    var change: ChangeNote?
    var waitingChanges: Int
    var restarts: Int
    var lastRestarts: [RestartNote]
    var cache: Cache
    /// Nil while none runs.
    var janitor: Janitor?
    /// Sums over all workers that ever were.
    var counters: [String: UInt64]
    var missingMechanisms: [String]
}
