// swift-tools-version: 6.2
import PackageDescription

// A package of its own: nobody who builds or tests the product waits for it.
let package = Package(
    name: "showrunner-benchmarks",
    dependencies: [
        .package(name: "showrunner", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "journal-benchmark",
            dependencies: [
                .product(name: "JournalRooms", package: "showrunner"),
                .product(name: "Logging", package: "swift-log"),
            ], path: "journal"),
        .target(name: "Load", dependencies: [.product(name: "JournalRooms", package: "showrunner")], path: "load"),
        .executableTarget(name: "wire-benchmark", dependencies: ["Load"], path: "wire"),
        .executableTarget(
            name: "store-benchmark",
            dependencies: [
                .product(name: "EngineRooms", package: "showrunner"),
                .product(name: "JournalRooms", package: "showrunner"),
                .product(name: "LanguageRooms", package: "showrunner"),
                .product(name: "Logging", package: "swift-log"),
            ], path: "store"),
        .executableTarget(
            name: "engine-benchmark",
            dependencies: [
                "Load", .product(name: "EngineRooms", package: "showrunner"),
                .product(name: "JournalRooms", package: "showrunner"), .product(name: "Logging", package: "swift-log"),
            ], path: "engine"),
        .executableTarget(
            name: "interpreter-benchmark", dependencies: [.product(name: "LanguageRooms", package: "showrunner")],
            path: "interpreter"),
        .executableTarget(
            name: "dispatch-benchmark", dependencies: [.product(name: "DispatchRooms", package: "showrunner")],
            path: "dispatch"),
        .executableTarget(
            name: "jsonata-benchmark", dependencies: [.product(name: "LanguageRooms", package: "showrunner")],
            path: "jsonata"),
        .executableTarget(
            name: "rows-benchmark", dependencies: [.product(name: "RecommendationRooms", package: "showrunner")],
            path: "rows"),
    ],
    swiftLanguageModes: [.v6]
)
