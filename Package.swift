// swift-tools-version: 6.2
// The targets mirror the folders under Sources; ARCHITECTURE.md says who may import whom, and a test checks it.
import PackageDescription

/// `MARTLET_CORE_ONLY=1 swift test` leaves out the supervisor and its packages, so that work on the data plane
/// builds in seconds. Releases and CI never set it.
let coreOnly = Context.environment["MARTLET_CORE_ONLY"] != nil

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

let coreTargets: [Target] = [
    .target(name: "CLinux"),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CBrotli", pkgConfig: "libbrotlienc", providers: [.apt(["libbrotli-dev"])]),
    .systemLibrary(name: "CARes", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
    .target(name: "CResolver", dependencies: ["CARes"]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .target(name: "HTTPMessage", swiftSettings: settings),
    .target(name: "CachePolicy", dependencies: ["HTTPMessage"], swiftSettings: settings),
    .target(name: "ShmCache", dependencies: ["CLinux", "CLZ4", "CXXHash", "CZstd"], swiftSettings: settings),
    .target(name: "ControlChannel", dependencies: ["CLinux"], swiftSettings: settings),
    .executableTarget(
        name: "Worker",
        dependencies: [
            "CLinux", "CResolver", "COpenSSL", "CZlib", "CBrotli", "CZstd", "HTTPMessage", "CachePolicy", "ShmCache",
            "ControlChannel",
        ],
        swiftSettings: settings
    ),
    .executableTarget(name: "CacheTool", dependencies: ["CLinux", "CZlib", "ShmCache"], swiftSettings: settings),
    .target(name: "Dice", path: "Tests/Dice", swiftSettings: settings),
    .testTarget(
        name: "HTTPMessageTests", dependencies: ["HTTPMessage", "Dice"], exclude: ["Tables", "Cases"],
        swiftSettings: settings
    ),
    .testTarget(
        name: "CachePolicyTests", dependencies: ["CachePolicy", "HTTPMessage", "Dice"], swiftSettings: settings),
    .target(name: "WriteStops", path: "Tests/WriteStops"),
    .executableTarget(
        name: "CacheStorm", dependencies: ["ShmCache", "CLinux", "WriteStops", "Dice"], path: "Tests/CacheStorm",
        swiftSettings: settings),
    .testTarget(
        name: "ShmCacheTests", dependencies: ["ShmCache", "CLinux", "CacheStorm", "Dice"], swiftSettings: settings),
    .testTarget(name: "ControlChannelTests", dependencies: ["ControlChannel", "CLinux"], swiftSettings: settings),
    .testTarget(
        name: "WorkerTests",
        dependencies: ["Worker", "ShmCache", "CachePolicy", "HTTPMessage", "ControlChannel", "Dice"],
        swiftSettings: settings
    ),
]

let supervisorTargets: [Target] = [
    .executableTarget(
        name: "Supervisor",
        dependencies: [
            "CLinux", "HTTPMessage", "CachePolicy", "ShmCache", "ControlChannel",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "Yams", package: "Yams"),
        ],
        swiftSettings: settings
    ),
    .testTarget(
        name: "SupervisorTests", dependencies: ["Supervisor", "Dice"], exclude: ["SavedStates"], swiftSettings: settings
    ),
]

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet-worker", targets: ["Worker"]),
        .executable(name: "martlet-cache", targets: ["CacheTool"]),
        .library(name: "ShmCache", targets: ["ShmCache"]),
    ] + (coreOnly ? [] : [.executable(name: "martlet", targets: ["Supervisor"])]),
    dependencies: coreOnly
        ? []
        : [
            .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
            .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
            .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
            .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
            .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        ],
    targets: coreTargets + (coreOnly ? [] : supervisorTargets)
)
