// swift-tools-version: 6.2
import PackageDescription

// Libraries of others, by the name of their product.
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let collections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let trees = Target.Dependency.product(name: "HashTreeCollections", package: "swift-collections")

/// A page that the binary carries in itself.
func page(_ name: String) -> Resource { .embedInCode("Pages/\(name)") }

// One sentence per room is in docs/ARCHITECTURE.md. A room imports what stands here and nothing else: the build runs with
// --explicit-target-dependency-import-check error.
let platform: [Target] = [
    .systemLibrary(
        name: "CPostgres", path: "Sources/Platform/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
        name: "CYAML", path: "Sources/Platform/CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(
        name: "CCurl", path: "Sources/Platform/CCurl", pkgConfig: "libcurl",
        providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(
        name: "COpenSSL", path: "Sources/Platform/COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
        name: "CMedia", path: "Sources/Platform/CMedia",
        pkgConfig: "libavformat libavcodec libavutil libswscale libavfilter libswresample",
        providers: [
            .apt([
                "libavformat-dev", "libavcodec-dev", "libavutil-dev", "libswscale-dev", "libavfilter-dev",
                "libswresample-dev",
            ])
        ]),
    .systemLibrary(
        name: "CZlib", path: "Sources/Platform/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CShims", path: "Sources/Platform/CShims"),
    .target(name: "Compression", dependencies: ["CZlib"], path: "Sources/Platform/Compression"),
    .target(name: "CCurlShims", dependencies: ["CCurl"], path: "Sources/Platform/CCurlShims"),
    .target(name: "CMediaShims", dependencies: ["CMedia"], path: "Sources/Platform/CMediaShims"),
    .target(name: "JSON", dependencies: [collections], path: "Sources/Platform/JSON"),
    .target(name: "CivilDates", dependencies: ["Encodings"], path: "Sources/Platform/CivilDates"),
    .target(name: "CSV", path: "Sources/Platform/CSV"),
    .target(name: "Encodings", path: "Sources/Platform/Encodings"),
    .target(name: "SeededNumbers", path: "Sources/Platform/SeededNumbers"),
    .target(name: "YAML", dependencies: ["CYAML", "Encodings", "JSON"], path: "Sources/Platform/YAML"),
    .target(name: "Cryptography", dependencies: ["COpenSSL", "Encodings"], path: "Sources/Platform/Cryptography"),
    .target(
        name: "SignatureV4", dependencies: ["CivilDates", "Cryptography", "Encodings"],
        path: "Sources/Platform/SignatureV4"),
    .target(
        name: "HTTP", dependencies: ["CCurl", "CCurlShims", "CShims", "Cryptography", "Encodings"],
        path: "Sources/Platform/HTTP"),
    .target(
        name: "HTTPServer",
        dependencies: [
            "Encodings", "JSON", httpTypes, hummingbird, hummingbirdCore, logging, metrics, nioCore, lifecycle, signals,
        ], path: "Sources/Platform/HTTPServer"),
    .target(
        name: "ObjectStorage", dependencies: ["CivilDates", "Cryptography", "Encodings", "HTTP"],
        path: "Sources/Platform/ObjectStorage"),
    .target(
        name: "Observability", dependencies: ["JSON", collections, coreMetrics, logging],
        path: "Sources/Platform/Observability"),
    .target(
        name: "Postgres", dependencies: ["CPostgres", "CShims", "Encodings", deque], path: "Sources/Platform/Postgres"),
    .target(
        name: "LocalPostgres", dependencies: ["Encodings", "Postgres", "SeededNumbers"],
        path: "Sources/Platform/LocalPostgres"),
    .target(name: "Supervision", dependencies: [logging, subprocess, system], path: "Sources/Platform/Supervision"),
]

let orchestrator: [Target] = [
    // Rounding and square roots are libm's, which only programs that import Glibc would otherwise link.
    .target(
        name: "JSONata", dependencies: ["CivilDates", "Encodings", "JSON", "SeededNumbers", collections],
        path: "Sources/Orchestrator/JSONata",
        linkerSettings: [.linkedLibrary("m")]),
    .target(
        name: "StatesLanguage",
        dependencies: ["CivilDates", "Encodings", "JSON", "JSONata", "SeededNumbers", collections],
        path: "Sources/Orchestrator/StatesLanguage"),
    .target(
        name: "Interpreter",
        dependencies: ["Encodings", "JSON", "SeededNumbers", "StatesLanguage", collections, heap, trees],
        path: "Sources/Orchestrator/Interpreter"),
    .target(
        name: "DefinitionSchema", dependencies: ["JSON", "StatesLanguage", "StepContracts", collections],
        path: "Sources/Orchestrator/DefinitionSchema"),
    .target(
        name: "EventPatterns", dependencies: ["Encodings", "JSON", "StatesLanguage"],
        path: "Sources/Orchestrator/EventPatterns"),
    .target(
        name: "Schedules",
        dependencies: ["CivilDates", "Encodings", "JSON", "SeededNumbers", "StatesLanguage", collections],
        path: "Sources/Orchestrator/Schedules"),
    .target(
        name: "StateGraph", dependencies: ["Encodings", "JSON", "StatesLanguage"],
        path: "Sources/Orchestrator/StateGraph"),
    .target(
        name: "Dispatching", dependencies: ["JSON", "StatesLanguage", "StepContracts", collections, heap],
        path: "Sources/Orchestrator/Dispatching"),
    .target(name: "AccessControl", path: "Sources/Orchestrator/AccessControl"),
    .target(name: "Journal", dependencies: ["Encodings", "Postgres", logging], path: "Sources/Orchestrator/Journal"),
    .target(
        name: "Engine",
        dependencies: [
            "CivilDates", "Cryptography", "CSV", "Dispatching", "Encodings", "Interpreter", "Journal", "JSON",
            "Postgres", "Schedules", "StatesLanguage", "StepContracts", "WorkerProtocol", collections, deque, heap,
            logging, metrics,
        ], path: "Sources/Orchestrator/Engine"),
    .target(
        name: "StepFunctionsAPI",
        dependencies: [
            "Engine", "HTTPServer", "Interpreter", "JSON", "StatesLanguage", "StepContracts", httpTypes, hummingbird,
            metrics,
        ], path: "Sources/Orchestrator/StepFunctionsAPI"),
    .target(
        name: "Forwarding",
        dependencies: ["AccessControl", "HTTP", "HTTPServer", httpTypes, hummingbird, metrics, nioCore],
        path: "Sources/Orchestrator/Forwarding"),
    .target(
        name: "WorkerAPI",
        dependencies: ["Engine", "HTTPServer", "JSON", "StepContracts", "WorkerProtocol", httpTypes, hummingbird],
        path: "Sources/Orchestrator/WorkerAPI"),
    .target(
        name: "Access",
        dependencies: [
            "AccessControl", "Cryptography", "Encodings", "HTTPServer", "JSON", "Journal", "Postgres", "SignatureV4",
            deque,
            httpTypes, hummingbird, lifecycle, logging, metrics, nioCore,
        ], path: "Sources/Orchestrator/Access"),
    .target(
        name: "Uploads",
        dependencies: [
            "CivilDates", "Cryptography", "Encodings", "Engine", "EventPatterns", "HTTPServer", "JSON",
            "ObjectStorage", "StatesLanguage", "TitleMetadata", httpTypes, hummingbird, lifecycle, logging,
        ], path: "Sources/Orchestrator/Uploads"),
    .target(
        name: "Triggers",
        dependencies: [
            "Cryptography", "Encodings", "Engine", "EventPatterns", "HTTPServer", "JSON", "StatesLanguage", httpTypes,
            hummingbird, lifecycle, logging,
        ], path: "Sources/Orchestrator/Triggers"),
    .target(
        name: "Console",
        dependencies: [
            "Dispatching", "Encodings", "Engine", "HTTPServer", "JSON", "Schedules", "SeededNumbers", "StatesLanguage",
            "StepContracts", httpTypes, hummingbird, lifecycle,
        ],
        path: "Sources/Orchestrator/Console",
        resources: [
            page("comparison.js"), page("console.css"), page("console.html"), page("console.js"), page("dialogs.js"),
            page("format.js"),
            page("graph-layout.js"), page("graph.js"), page("history.js"), page("icon.svg"), page("json-view.js"),
            page("live.js"),
            page("machine-figures.js"), page("machine-link.js"), page("machine-page.js"), page("machine-starters.js"),
            page("machines-page.js"), page("machines.css"),
            page("markup.js"), page("refreshed-page.js"), page("run-page.js"), page("run-row.js"), page("run.css"),
            page("run-usage.js"), page("runs-page.js"),
            page("runs.css"), page("schedule-dialogs.js"), page("schedules-page.js"), page("schedules.css"),
            page("session.js"), page("sign-in.css"), page("sign-in.html"), page("sign-in.js"), page("starts-aside.js"),
            page("state-panel.js"),
            page("status.js"), page("timeline.js"), page("triggers-page.js"), page("triggers.css"),
            page("workers-page.js"),
        ]),
]

let steps: [Target] = [
    .target(name: "StepContracts", dependencies: ["JSON"], path: "Sources/Steps/StepContracts"),
    .target(name: "Packaging", dependencies: ["Encodings"], path: "Sources/Steps/Packaging"),
    // Its loops over vectors are several hundred times slower without optimisation: tests would take hours.
    .target(
        name: "Recommender", dependencies: ["Encodings", "SeededNumbers"], path: "Sources/Steps/Recommender",
        swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(
        name: "MediaFiles", dependencies: ["CMedia", "CMediaShims", "Encodings", deque],
        path: "Sources/Steps/MediaFiles"),
    .target(
        name: "MediaSteps",
        dependencies: ["Cryptography", "Encodings", "JSON", "MediaFiles", "Packaging", "StepContracts"],
        path: "Sources/Steps/MediaSteps"),
    .target(
        name: "KeyProviders", dependencies: ["Cryptography", "Encodings", "HTTP", "Packaging", "StepContracts"],
        path: "Sources/Steps/KeyProviders"),
    .target(
        name: "HTTPSteps", dependencies: ["Encodings", "HTTP", "JSON", "StepContracts"], path: "Sources/Steps/HTTPSteps"
    ),
    .target(
        name: "DataSteps",
        dependencies: [
            "CatalogStore", "Cryptography", "JSON", "ObjectStorage", "Postgres", "Recommender", "StepContracts",
        ],
        path: "Sources/Steps/DataSteps"),
]

let workers: [Target] = [
    .target(
        name: "WorkerProtocol", dependencies: ["JSON", "StepContracts", collections],
        path: "Sources/Workers/WorkerProtocol"),
    .target(
        name: "Worker",
        dependencies: [
            "CShims", "Cryptography", "Encodings", "HTTP", "JSON", "ObjectStorage", "SignatureV4", "StepContracts",
            "WorkerProtocol", lifecycle, logging, metrics, subprocess, system,
        ], path: "Sources/Workers/Worker"),
]

let catalog: [Target] = [
    .target(
        name: "TitleMetadata", dependencies: ["Encodings", "JSON"], path: "Sources/Catalog/TitleMetadata"),
    .target(
        name: "CatalogStore", dependencies: ["JSON", "Postgres", "TitleMetadata"], path: "Sources/Catalog/CatalogStore"),
    .target(name: "HomeRows", dependencies: ["Recommender"], path: "Sources/Catalog/HomeRows"),
    .target(
        name: "CatalogAPI",
        dependencies: [
            "CatalogStore", "Cryptography", "Encodings", "HomeRows", "HTTPServer", "JSON", "ObjectStorage", "Postgres",
            "Recommender", "TitleMetadata", httpTypes, hummingbird, logging, metrics,
        ], path: "Sources/Catalog/CatalogAPI",
        resources: [
            page("index.html"), page("style.css"), page("app.js"), page("catalogue.js"), page("title.js"),
            page("player.js"), page("playlist.js"), page("rate.js"), page("licence.js"), page("stream.js"),
            page("format.js"), page("favicon.svg"), page("openapi.json"), page("rows.js"), page("viewer.js"),
        ]),
    .target(
        name: "AccountsAPI",
        dependencies: [
            "CatalogStore", "Cryptography", "Encodings", "HTTPServer", "JSON", "Postgres", httpTypes, hummingbird,
        ], path: "Sources/Catalog/AccountsAPI"),
]

let commands: [Target] = [
    .target(name: "TerminalOutput", dependencies: ["JSON", argumentParser], path: "Sources/Commands/TerminalOutput"),
    .target(
        name: "EngineClient", dependencies: ["Encodings", "HTTP", "JSON", "SignatureV4"],
        path: "Sources/Commands/EngineClient"),
    .target(
        name: "WorkerProgram",
        dependencies: [
            "HTTPServer", "Observability", "SignatureV4", "StepContracts", "Worker", "WorkerProtocol", argumentParser,
            lifecycle, logging,
        ],
        path: "Sources/Commands/WorkerProgram"),
    .executableTarget(
        name: "showrunner",
        dependencies: [
            "Access", "AccessControl", "AccountsAPI", "CatalogStore", "Compression", "Console", "Cryptography", "CSV",
            "DataSteps", "DefinitionSchema", "Dispatching", "Encodings", "Engine", "EngineClient", "EventPatterns",
            "Forwarding", "HTTP", "HTTPServer", "HTTPSteps", "Interpreter", "Journal", "JSON", "JSONata",
            "KeyProviders",
            "LocalPostgres", "ObjectStorage", "Observability", "Packaging", "Postgres", "Recommender", "Schedules",
            "SeededNumbers", "StateGraph", "StatesLanguage", "StepContracts", "StepFunctionsAPI", "Supervision",
            "TerminalOutput",
            "TitleMetadata", "Triggers", "Uploads", "Worker", "WorkerAPI", "WorkerProgram", "WorkerProtocol", "YAML",
            argumentParser, lifecycle, logging, metrics, signals,
        ], path: "Sources/Commands/showrunner"),
    // The only program that links FFmpeg.
    .executableTarget(
        name: "showrunner-worker",
        dependencies: [
            "Encodings", "HTTP", "JSON", "MediaSteps", "ObjectStorage", "Observability", "Packaging", "StepContracts",
            "Supervision", "TerminalOutput", "Worker", "WorkerProgram", argumentParser, logging, signals,
        ], path: "Sources/Commands/showrunner-worker"),
    .executableTarget(
        name: "showrunner-api",
        dependencies: [
            "CatalogAPI", "CatalogStore", "Cryptography", "HTTPServer", "ObjectStorage", "Observability", "Postgres",
            "Supervision", "TerminalOutput", argumentParser, lifecycle, logging,
        ], path: "Sources/Commands/showrunner-api"),
]

let tests: [Target] = [
    .testTarget(name: "JSONTests", dependencies: ["JSON", collections], path: "Tests/JSONTests"),
    .testTarget(name: "JSONataTests", dependencies: ["JSON", "JSONata", collections], path: "Tests/JSONataTests"),
    .testTarget(name: "CompressionTests", dependencies: ["Compression"], path: "Tests/CompressionTests"),
    .testTarget(name: "CivilDatesTests", dependencies: ["CivilDates"], path: "Tests/CivilDatesTests"),
    .testTarget(
        name: "SeededNumbersTests", dependencies: ["SeededNumbers"], path: "Tests/SeededNumbersTests"),
    .testTarget(name: "CSVTests", dependencies: ["CSV"], path: "Tests/CSVTests"),
    .testTarget(name: "EncodingsTests", dependencies: ["Encodings"], path: "Tests/EncodingsTests"),
    .testTarget(name: "YAMLTests", dependencies: ["JSON", "YAML"], path: "Tests/YAMLTests"),
    .testTarget(
        name: "StatesLanguageTests", dependencies: ["JSON", "StatesLanguage", "StepContracts", "YAML", collections],
        path: "Tests/StatesLanguageTests", exclude: ["Golden"]),
    .testTarget(
        name: "DefinitionSchemaTests",
        dependencies: ["DefinitionSchema", "JSON", "StatesLanguage", "StepContracts", "TemporaryFolder", "YAML"],
        path: "Tests/DefinitionSchemaTests"),
    .testTarget(
        name: "EventPatternsTests",
        dependencies: ["Encodings", "EventPatterns", "JSON", "SeededNumbers", "StatesLanguage", "YAML", collections],
        path: "Tests/EventPatternsTests"),
    .testTarget(
        name: "SchedulesTests",
        dependencies: ["CivilDates", "JSON", "Schedules", "SeededNumbers", "StatesLanguage", "YAML"],
        path: "Tests/SchedulesTests"),
    .testTarget(
        name: "DispatchingTests", dependencies: ["Dispatching", "JSON", "SeededNumbers", "StepContracts"],
        path: "Tests/DispatchingTests"
    ),
    .testTarget(
        name: "StateGraphTests", dependencies: ["JSON", "SeededNumbers", "StateGraph", "StatesLanguage", "YAML"],
        path: "Tests/StateGraphTests", exclude: ["Golden"]),
    .testTarget(
        name: "CryptographyTests", dependencies: ["CShims", "Cryptography", "Encodings", "TemporaryFolder"],
        path: "Tests/CryptographyTests"),
    .testTarget(
        name: "AccessControlTests", dependencies: ["AccessControl"], path: "Tests/AccessControlTests"),
    .testTarget(name: "SignatureV4Tests", dependencies: ["SignatureV4"], path: "Tests/SignatureV4Tests"),
    .target(name: "TemporaryFolder", path: "Tests/TemporaryFolder"),
    .target(name: "ScriptedServer", path: "Tests/ScriptedServer"),
    .testTarget(
        name: "HTTPTests", dependencies: ["Cryptography", "HTTP", "ScriptedServer", "TemporaryFolder"],
        path: "Tests/HTTPTests"),
    .testTarget(
        name: "ObjectStorageTests", dependencies: ["Cryptography", "HTTP", "ObjectStorage", "TemporaryFolder"],
        path: "Tests/ObjectStorageTests"),
    .testTarget(
        name: "ObservabilityTests", dependencies: ["JSON", "Observability", coreMetrics, logging],
        path: "Tests/ObservabilityTests"),
    .target(
        name: "PostgresTestSupport", dependencies: ["LocalPostgres", "Postgres", "TemporaryFolder"],
        path: "Tests/PostgresTestSupport"),
    .testTarget(
        name: "PostgresTests", dependencies: ["Postgres", "PostgresTestSupport"], path: "Tests/PostgresTests"),
    .testTarget(
        name: "LocalPostgresTests",
        dependencies: ["LocalPostgres", "Postgres", "PostgresTestSupport", "TemporaryFolder"],
        path: "Tests/LocalPostgresTests"),
    .testTarget(
        name: "JournalTests",
        dependencies: [
            "Cryptography", "Journal", "LocalPostgres", "Postgres", "PostgresTestSupport", "TemporaryFolder", logging,
        ],
        path: "Tests/JournalTests"),
    .target(name: "FilmThreads", path: "Tests/FilmThreads"),
    .testTarget(
        name: "MediaFilesTests", dependencies: ["CMedia", "CMediaShims", "MediaFiles", "TemporaryFolder"],
        path: "Tests/MediaFilesTests"),
    .testTarget(
        name: "MediaStepsTests",
        dependencies: [
            "FilmThreads", "JSON", "MediaFiles", "MediaSteps", "SeededNumbers", "StepContracts", "TemporaryFolder",
        ], path: "Tests/MediaStepsTests"),
    .testTarget(
        name: "PackagingTests", dependencies: ["Encodings", "Packaging", "SeededNumbers"], path: "Tests/PackagingTests",
        exclude: ["Golden"]),
    .target(name: "KeyServer", dependencies: ["Encodings", "Packaging", "ScriptedServer"], path: "Tests/KeyServer"),
    .testTarget(
        name: "KeyProvidersTests",
        dependencies: ["Encodings", "HTTP", "KeyProviders", "KeyServer", "Packaging", "StepContracts"],
        path: "Tests/KeyProvidersTests"),
    .testTarget(
        name: "RecommenderTests", dependencies: ["Recommender", "SeededNumbers"], path: "Tests/RecommenderTests"),
    .testTarget(
        name: "HomeRowsTests", dependencies: ["HomeRows", "Recommender", "SeededNumbers"], path: "Tests/HomeRowsTests"),
    .testTarget(
        name: "RecommendCommandTests", dependencies: ["JSON", "TemporaryFolder", "showrunner", subprocess, system],
        path: "Tests/RecommendCommandTests"),
    .testTarget(
        name: "ShowrunnerCommandTests",
        dependencies: [
            "Dispatching", "EngineClient", "Journal", "JSON", "ObjectStorage", "Postgres", "PostgresTestSupport",
            "ScriptedServer", "StatesLanguage", "TemporaryFolder", "TerminalOutput", "WorkerProgram", "showrunner",
            "showrunner-api", "showrunner-worker", argumentParser, logging,
        ], path: "Tests/ShowrunnerCommandTests"),
    .testTarget(
        name: "PackageStepTests",
        dependencies: ["FilmThreads", "JSON", "MediaSteps", "Packaging", "StepContracts", "TemporaryFolder"],
        path: "Tests/PackageStepTests"),
    .target(
        name: "CatalogTestSupport", dependencies: ["CatalogStore", "JSON", "Postgres", "PostgresTestSupport"],
        path: "Tests/CatalogTestSupport"),
    .target(
        name: "HTTPServerTestSupport", dependencies: ["HTTP", "HTTPServer", lifecycle, logging],
        path: "Tests/HTTPServerTestSupport"),
    .testTarget(
        name: "ForwardingTests",
        dependencies: [
            "Forwarding", "HTTP", "HTTPServer", "HTTPServerTestSupport", "JSON", "ScriptedServer", hummingbird,
        ], path: "Tests/ForwardingTests"),
    .testTarget(name: "TitleMetadataTests", dependencies: ["JSON", "TitleMetadata"], path: "Tests/TitleMetadataTests"),
    .testTarget(
        name: "CatalogStoreTests",
        dependencies: [
            "CatalogStore", "CatalogTestSupport", "JSON", "Postgres", "PostgresTestSupport", "SeededNumbers",
        ],
        path: "Tests/CatalogStoreTests"),
    .testTarget(
        name: "DataStepsTests",
        dependencies: [
            "CatalogStore", "CatalogTestSupport", "Cryptography", "DataSteps", "JSON", "ObjectStorage", "Postgres",
            "Recommender", "StepContracts", "TemporaryFolder",
        ], path: "Tests/DataStepsTests"),
    .testTarget(
        name: "HTTPStepsTests", dependencies: ["HTTP", "HTTPSteps", "JSON", "ScriptedServer", "StepContracts"],
        path: "Tests/HTTPStepsTests"),
    .testTarget(
        name: "HTTPServerTests",
        dependencies: [
            "HTTPServer", "HTTPServerTestSupport", "JSON", "RawHTTP", "SeededNumbers", hummingbird, logging,
        ],
        path: "Tests/HTTPServerTests"),
    .testTarget(
        name: "CatalogAPITests",
        dependencies: [
            "CatalogAPI", "CatalogStore", "CatalogTestSupport", "Cryptography", "Encodings", "HTTPServer",
            "HTTPServerTestSupport", "JSON", "ObjectStorage", "Postgres", "PostgresTestSupport", "Recommender",
            "TemporaryFolder", logging,
        ], path: "Tests/CatalogAPITests"),
    .testTarget(
        name: "ShowrunnerAPITests",
        dependencies: [
            "CatalogStore", "CatalogTestSupport", "HTTP", "Postgres", "PostgresTestSupport", "TemporaryFolder",
            "showrunner-api",
        ],
        path: "Tests/ShowrunnerAPITests"),
    .testTarget(
        name: "WorkerProtocolTests", dependencies: ["JSON", "StepContracts", "WorkerProtocol"],
        path: "Tests/WorkerProtocolTests"),
    // A worker's child whose steps are made for the tests.
    .executableTarget(
        name: "WorkerTestChild", dependencies: ["CShims", "JSON", "StepContracts", "Worker"],
        path: "Tests/WorkerTestChild"),
    .testTarget(
        name: "WorkerTests",
        dependencies: [
            "Cryptography", "HTTP", "JSON", "ObjectStorage", "StepContracts", "TemporaryFolder", "Worker",
            "WorkerProtocol", "WorkerTestChild", lifecycle, logging,
        ], path: "Tests/WorkerTests"),
    .testTarget(
        name: "WorkerCommandTests",
        dependencies: ["JSON", "StepContracts", "TemporaryFolder", "showrunner-worker", subprocess, system],
        path: "Tests/WorkerCommandTests"),
    .target(name: "RawHTTP", dependencies: ["HTTPServer", "HTTPServerTestSupport"], path: "Tests/RawHTTP"),
    .testTarget(
        name: "UploadsTests",
        dependencies: [
            "Cryptography", "Encodings", "Engine", "EventPatterns", "HTTPServer", "JSON", "ObjectStorage", "RawHTTP",
            "TemporaryFolder", "Uploads", "YAML",
        ], path: "Tests/UploadsTests"),
    .testTarget(
        name: "TriggersTests",
        dependencies: [
            "Cryptography", "Encodings", "Engine", "EventPatterns", "HTTPServer", "Journal", "JSON",
            "Postgres", "PostgresTestSupport", "RawHTTP", "StatesLanguage", "TemporaryFolder", "Triggers", "YAML",
            logging,
        ], path: "Tests/TriggersTests"),
    .testTarget(
        name: "ConsoleTests",
        dependencies: [
            "Console", "Engine", "HTTPServer", "Interpreter", "JSON", "RawHTTP", "Schedules", "StepContracts",
            "TemporaryFolder", hummingbird,
        ], path: "Tests/ConsoleTests"),
    .testTarget(
        name: "InterpreterTests",
        dependencies: ["Interpreter", "JSON", "StatesLanguage", "StepContracts", "YAML", collections],
        path: "Tests/InterpreterTests"),
    .testTarget(
        name: "EngineTests",
        dependencies: [
            "Cryptography", "Dispatching", "Encodings", "Engine", "Interpreter", "Journal", "JSON", "Postgres",
            "PostgresTestSupport", "Schedules", "SeededNumbers", "StatesLanguage", "StepContracts", "WorkerProtocol",
            "YAML", logging,
        ], path: "Tests/EngineTests"),
    // Engines, workers and a database from a seed: a program of its own, since it is the executor of its whole process.
    .executableTarget(
        name: "showrunner-simulation",
        dependencies: [
            "Cryptography", "Engine", "Interpreter", "JSON", "Journal", "Postgres", "SeededNumbers", "StatesLanguage",
            "StepContracts",
            "WorkerProtocol",
            collections, heap, logging,
        ], path: "Tests/Simulation"),
    .testTarget(
        name: "SimulationTests", dependencies: ["showrunner-simulation", subprocess, system],
        path: "Tests/SimulationTests"),
    .testTarget(
        name: "StepFunctionsAPITests",
        dependencies: [
            "Engine", "HTTPServer", "JSON", "Journal", "PostgresTestSupport", "RawHTTP", "StepContracts",
            "StepFunctionsAPI", logging,
        ], path: "Tests/StepFunctionsAPITests"),
    .testTarget(
        name: "AccessTests",
        dependencies: [
            "Access", "AccessControl", "AccountsAPI", "CatalogStore", "Console", "Cryptography", "Engine", "HTTPServer",
            "HTTPServerTestSupport", "Journal", "JSON", "ObjectStorage", "Postgres", "PostgresTestSupport",
            "SignatureV4", "StepFunctionsAPI", "TemporaryFolder", "Triggers", "Uploads", "WorkerAPI", httpTypes,
            logging,
        ], path: "Tests/AccessTests"),
    // Real processes, PostgreSQL, ffprobe and Chromium against the built programs.
    .testTarget(
        name: "EndToEndTests",
        dependencies: [
            "Encodings", "EngineClient", "HTTP", "Journal", "JSON", "KeyServer", "Packaging", "Postgres",
            "PostgresTestSupport", "ScriptedServer", "StepFunctionsAPI", "TemporaryFolder", "showrunner",
            "showrunner-api", "showrunner-worker", logging,
        ], path: "Tests/EndToEnd"),
]

let package = Package(
    name: "showrunner",
    products: [
        // For Benchmarks/, which is a package of its own.
        .library(name: "JournalRooms", targets: ["Journal", "LocalPostgres", "Postgres"]),
        .library(name: "EngineRooms", targets: ["Engine", "JSON", "StepContracts", "WorkerProtocol"]),
        .library(name: "DispatchRooms", targets: ["Dispatching", "SeededNumbers"]),
        // For Benchmarks/ and Fuzz/.
        .library(name: "LanguageRooms", targets: ["Interpreter", "JSON", "JSONata", "StatesLanguage"]),
        // For Benchmarks/.
        .library(name: "RecommendationRooms", targets: ["HomeRows", "Recommender", "SeededNumbers"]),
        // For Fuzz/, likewise.
        .library(name: "PackagingRooms", targets: ["Packaging"]),
        .library(name: "KeyRooms", targets: ["KeyProviders"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: platform + orchestrator + steps + workers + catalog + commands + tests,
    swiftLanguageModes: [.v6]
)
