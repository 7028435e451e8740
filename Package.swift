// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "showrunner",
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        .target(
            name: "JSON", dependencies: [.product(name: "OrderedCollections", package: "swift-collections")],
            path: "Sources/Platform/JSON"),
        .target(name: "StepContracts", dependencies: ["JSON"], path: "Sources/Steps/StepContracts"),
    ],
    swiftLanguageModes: [.v6]
)
