import Cryptography
import Foundation
import ObjectStorage
import RawHTTP
import Testing

@testable import Uploads

/// Another's tus client: PyPI's tuspy, over a server that is cut off again and again and starts anew.
@Suite struct ForeignClientTests {
    static let hasTuspy: Bool = {
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3", "-c", "import tusclient"]
        python.standardError = FileHandle.nullDevice
        do {
            try python.run()
            python.waitUntilExit()
            return python.terminationStatus == 0
        } catch {
            return false
        }
    }()

    /// Each run resumes by the address, sends a part that breaks off half-way, and then two parts with checksums.
    private static let script = #"""
        import socket, sys
        from tusclient import client
        from tusclient.uploader import Uploader
        port, path, url = int(sys.argv[1]), sys.argv[2], sys.argv[3]
        tus = client.TusClient(f"http://127.0.0.1:{port}/uploads")
        chunk = 100_000
        if url == "new":
            up = tus.uploader(path, chunk_size=chunk, upload_checksum=True, metadata={"filename": "film.mov", "title": "Cut"})
            up.set_url(up.create_url())
            up.upload_chunk()
        else:
            up = tus.uploader(path, url=f"http://127.0.0.1:{port}{url}", chunk_size=chunk, upload_checksum=True)
            assert up.offset > 0, "it resumes"
            with open(path, "rb") as film:
                film.seek(up.offset)
                part = film.read(chunk)
            with socket.create_connection(("127.0.0.1", port)) as wire:
                wire.sendall((f"PATCH {url} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {up.offset}\r\n"
                    f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(part)}\r\n\r\n").encode()
                    + part[: len(part) // 2])
            for attempt in range(2):
                # The half that was sent counts as soon as the server has seen the end of its connection.
                while True:
                    up.offset = up.get_offset()
                    if up.offset >= up.get_file_size():
                        break
                    try:
                        up.upload_chunk()
                        break
                    except Exception as problem:
                        if getattr(problem, "status_code", None) not in (409, 423):
                            raise
        print(up.url.split(str(port), 1)[1], up.offset)
        """#

    @Test(.enabled(if: hasTuspy, "tuspy is not installed: pip install tuspy")) func tuspyOverTwentyCuts() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        var state: UInt32 = 0x2545_f491
        let bytes = (0..<5_500_000).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        let film = directory.path + "/film.mov"
        try Data(bytes).write(to: URL(filePath: film))
        var address = "new"
        var cuts = 0
        while runs.starts.isEmpty {
            // The server ends with each round, and another finds what it has kept.
            let url = address
            let output = try await withUploadServer(in: directory, runs: runs) { port, _, _ in
                try await onThread {
                    let python = Process()
                    python.executableURL = URL(filePath: "/usr/bin/env")
                    python.arguments = ["python3", "-c", Self.script, "\(port)", film, url]
                    let pipe = Pipe()
                    python.standardOutput = pipe
                    try python.run()
                    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
                    python.waitUntilExit()
                    #expect(python.terminationStatus == 0)
                    return text
                }
            }
            let words = output.split(separator: " ")
            try #require(words.count == 2, "\(output)")
            if address != "new" { cuts += 1 }
            address = String(words[0])
            try #require(cuts < 60, "it gets nowhere: \(output)")
        }
        print("\(cuts) cuts")
        #expect(cuts >= 20)
        #expect(runs.starts.count == 1)
        let store = try openStore(directory.store, environment: [:])
        let key = try #require(runs.starts[0].input["source"]?.stringValue.flatMap { store.key(for: $0) })
        #expect(SHA256.hash(try await store.get(key)) == SHA256.hash(bytes))
    }
}
