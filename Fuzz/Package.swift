// swift-tools-version: 6.2
import PackageDescription

let rooms = Target.Dependency.product(name: "LanguageRooms", package: "showrunner")
let keys = Target.Dependency.product(name: "KeyRooms", package: "showrunner")
let packaging = Target.Dependency.product(name: "PackagingRooms", package: "showrunner")

// A package of its own: what is here links only with libFuzzer, whose main it relies on.
//   swift build --package-path Fuzz --sanitize=fuzzer -c release --scratch-path .build-fuzz --product decide-fuzz
let package = Package(
    name: "showrunner-fuzz",
    dependencies: [
        .package(name: "showrunner", path: ".."),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        .executableTarget(
            name: "decide-fuzz",
            dependencies: [rooms, .product(name: "OrderedCollections", package: "swift-collections")], path: "decide"),
        .executableTarget(name: "definition-fuzz", dependencies: [rooms], path: "definition"),
        .executableTarget(name: "jsonpath-fuzz", dependencies: [rooms], path: "jsonpath"),
        .executableTarget(name: "jsonata-fuzz", dependencies: [rooms], path: "jsonata", exclude: ["jsonata.dict"]),
        .executableTarget(name: "boxes-fuzz", dependencies: [packaging], path: "packaging/boxes"),
        .executableTarget(name: "playlists-fuzz", dependencies: [packaging], path: "packaging/playlists"),
        .executableTarget(
            name: "cpix-fuzz", dependencies: [keys, packaging], path: "packaging/cpix", exclude: ["cpix.dict"]),
    ],
    swiftLanguageModes: [.v6]
)
