// swift-tools-version: 6.2
import PackageDescription

// A package of its own: what is here links only with libFuzzer, whose main it relies on.
//   swift build --package-path Fuzz --sanitize=fuzzer -c release --scratch-path .build-fuzz --product jsonata-fuzz
let package = Package(
    name: "showrunner-fuzz",
    dependencies: [.package(name: "showrunner", path: "..")],
    targets: [
        .executableTarget(
            name: "jsonata-fuzz", dependencies: [.product(name: "LanguageRooms", package: "showrunner")],
            path: "jsonata", exclude: ["jsonata.dict"])
    ],
    swiftLanguageModes: [.v6]
)
