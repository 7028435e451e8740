import JSON
import StepContracts
import Testing

@testable import Worker

private let a = String(repeating: "a", count: 64)
private let b = String(repeating: "b", count: 64)

@Suite struct StepFilesTests {
    @Test func findsEveryFileOnce() throws {
        let input: JSON = [
            "source": ["url": "file:///f.mp4", "bytes": 3, "sha256": .string(a)],
            "media": [
                "source": ["url": "file:///f.mp4", "bytes": 3, "sha256": .string(a)], "frames": 7,
            ],
            "renditions": [
                ["name": "v", "file": ["key": "work/v", "bytes": 9, "sha256": .string(b)]],
                ["name": "no file", "file": ["key": "work/no-digest"]],
            ],
        ]
        #expect(
            try StepFiles.references(in: input) == [
                FileReference(kind: .source, name: "file:///f.mp4", sha256: a, bytes: 3),
                FileReference(kind: .object, name: "work/v", sha256: b, bytes: 9),
            ])
        #expect(StepFiles.openSource(input) == nil)
    }

    @Test(arguments: [["source": "http://h/f"], ["source": ["url": "http://h/f"]]] as [JSON])
    func aSourceWithoutChecksumIsOpen(_ input: JSON) throws {
        #expect(StepFiles.openSource(input) == "http://h/f")
        #expect(
            try StepFiles.references(in: input) == [
                FileReference(kind: .source, name: "http://h/f", sha256: nil, bytes: nil)
            ])
    }

    @Test func contradictingChecksumsAreRefused() {
        let input: JSON = [
            "x": ["key": "k", "sha256": .string(a)], "y": ["key": "k", "sha256": .string(b)],
        ]
        let failure = #expect(throws: StepFailure.self) { try StepFiles.references(in: input) }
        #expect(
            failure == .parametersInvalid("the input names k twice, with the checksums \(a) and \(b)"))
    }

    private func identity(
        _ input: JSON, step: String = "s", version: Int = 1, digests: [String: String] = [:]
    ) -> String {
        StepFiles.resultIdentity(step: step, version: version, input: input, digests: digests)
    }

    @Test func identityIgnoresPlacesAndOrder() {
        let one = identity(["p": 1, "file": ["key": "work/x", "bytes": 3, "sha256": .string(a)]])
        #expect(one == identity(["file": ["url": "http://h/y", "sha256": .string(a)], "p": 1]))
        #expect(one == #"{"parameters":{"file":{"sha256":"\#(a)"},"p":1},"step":"s","version":1}"#)
        #expect(
            identity(["source": "http://h/1"], digests: ["http://h/1": a])
                == identity(["source": ["url": "file:///2"]], digests: ["file:///2": a]))
    }

    @Test func identityIgnoresThatAParameterWasKept() {
        #expect(identity(["media": ["frames": 1, "cached": true]]) == identity(["media": ["frames": 1]]))
        #expect(identity(["cached": "text"]) != identity([:]))
    }

    @Test func identityTellsContentParametersStepAndVersionApart() {
        let file: JSON = ["file": ["key": "k", "sha256": .string(a)], "p": 1]
        let others = [
            identity(["file": ["key": "k", "sha256": .string(b)], "p": 1]),
            identity(["file": ["key": "k", "sha256": .string(a)], "p": 2]), identity(file, step: "t"),
            identity(file, version: 2),
        ]
        #expect(Set(others + [identity(file)]).count == 5)
    }

    @Test func outputFilesAreReplaced() {
        let output: JSON = [
            "poster": ["file": "p.jpg"], "list": [["file": "q.jpg"], ["file": "p.jpg"]],
            "rendition": ["file": ["file": "v.mp4"], "name": "v"], "other": ["file": 7],
            "mixed": ["file": "x", "y": 1],
        ]
        #expect(StepFiles.outputFiles(in: output) == ["p.jpg", "q.jpg", "v.mp4"])
        let replaced = StepFiles.replacingFiles(in: output, by: ["p.jpg": 1, "q.jpg": 2, "v.mp4": 3])
        #expect(
            replaced == [
                "poster": 1, "list": [2, 1], "rendition": ["file": 3, "name": "v"], "other": ["file": 7],
                "mixed": ["file": "x", "y": 1],
            ])
    }
}
