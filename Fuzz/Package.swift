// swift-tools-version: 6.2
import PackageDescription

// A package of its own: what is here links only with libFuzzer, whose main it relies on.
//   swift build --package-path Fuzz --sanitize=fuzzer -c release --scratch-path .build-fuzz --product boxes-fuzz
let package = Package(
    name: "showrunner-fuzz",
    dependencies: [.package(name: "showrunner", path: "..")],
    targets: [
        .executableTarget(
            name: "boxes-fuzz", dependencies: [.product(name: "PackagingRooms", package: "showrunner")],
            path: "packaging/boxes"),
        .executableTarget(
            name: "playlists-fuzz", dependencies: [.product(name: "PackagingRooms", package: "showrunner")],
            path: "packaging/playlists"),
    ],
    swiftLanguageModes: [.v6]
)
