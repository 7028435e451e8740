import Encodings
import Engine
import EventPatterns
import Foundation
import Glibc
import JSON
public import Logging
public import ServiceLifecycle
import StatesLanguage

/// Looks into directories every few seconds; a file that has stayed the same between two looks has arrived, and starts
/// an execution. Files whose names begin with a point, or end in `.part`, `.partial` or `.tmp`, are on their way.
public struct WatchedDirectories: Service {
    let desk: TriggerDesk
    let interval: Duration
    let log: Logger

    public init(desk: TriggerDesk, interval: Duration = .seconds(5), log: Logger) {
        self.desk = desk
        self.interval = interval
        self.log = log
    }

    /// What was refused is tried again after so many looks: five minutes, as buckets are.
    static let looksBetweenTries = 60
    /// So many files of a directory are looked at.
    static let maximumFiles = 100_000

    /// A file as one look sees it.
    struct File: Sendable, Hashable {
        let path: String
        let bytes: Int64
        /// Nanoseconds since 1970.
        let modified: Int64
    }

    public func run() async throws {
        let watched = desk.triggers.filter { trigger in
            if case .directory = trigger.source { trigger.isEnabled } else { false }
        }
        guard !watched.isEmpty else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            var looks: [String: Look] = [:]
            while !Task.isCancelled {
                if await desk.service.triggerTime() != nil {
                    for trigger in watched {
                        var look = looks[trigger.name] ?? Look()
                        let trouble = look.trouble
                        await self.look(at: trigger, &look)
                        if let now = look.trouble, now != trouble {
                            log.warning(
                                "a watched directory", metadata: ["trigger": "\(trigger.name)", "error": "\(now)"])
                        }
                        looks[trigger.name] = look
                    }
                }
                do { try await Task.sleep(for: interval) } catch { return }
            }
        }
    }

    /// What is known of a directory from one look to the next.
    struct Look: Sendable {
        var before: Set<File> = []
        /// Files that an execution stands for, or whose start was refused lately.
        var handled: Set<File> = []
        /// Those of them whose start was refused.
        var refused: Set<File> = []
        /// How many looks there were.
        var number = 0
        /// Why the last look was not complete; told when it changes.
        var trouble: String?
    }

    /// Looks once, and starts what has arrived.
    func look(at trigger: Trigger, _ look: inout Look) async {
        guard case .directory(let path) = trigger.source else { return }
        let files: Set<File>
        do throws(TriggerError) {
            // What arrives meanwhile is there when it is resumed.
            guard try await !desk.isPaused(trigger) else { return }
            files = try await onFileThread { () throws(TriggerError) in try Self.files(in: path) }
        } catch {
            look.trouble = error.message
            if error.code == .source {
                desk.notes.note(
                    TriggerNews(.trouble, of: trigger.name, reason: error.message),
                    at: await desk.service.triggerTime())
            }
            return
        }
        look.trouble = nil
        look.number += 1
        if look.number.isMultiple(of: Self.looksBetweenTries) {
            look.handled.subtract(look.refused)
            look.refused = []
        }
        look.handled.formIntersection(files)
        look.refused.formIntersection(files)
        let arrived = files.intersection(look.before).subtracting(look.handled)
        look.before = files
        // One after the other by age, so that what came first starts first.
        for file in arrived.sorted(by: { ($0.modified, $0.path) < ($1.modified, $1.path) }) {
            guard let now = await desk.service.triggerTime() else { return }
            do throws(TriggerError) {
                // Paused in the middle of a look: the rest waits.
                guard try await desk.take(Self.event(file, now: now), for: [trigger]).held.isEmpty else { return }
                look.handled.insert(file)
            } catch {
                look.trouble = "\(file.path): \(error.message)"
                // What the engine refuses it refuses until somebody changes something: not asked at each look.
                if error.code != .unavailable {
                    look.handled.insert(file)
                    look.refused.insert(file)
                }
            }
        }
    }

    static func event(_ file: File, now: Int64) -> JSON {
        // Files may be dated before 1970.
        let nanoseconds = (file.modified % 1_000_000_000 + 1_000_000_000) % 1_000_000_000
        let text = Timestamp.text(microseconds: (file.modified - nanoseconds) / 1000)
        let modified = text.prefix(19) + ".\(zeroPadded(Int(nanoseconds), 9))Z"
        return TriggerEvents.file(
            path: file.path, bytes: Int(file.bytes), modified: String(modified),
            time: Timestamp.text(microseconds: now), from: TriggerDesk.origin)
    }

    private static func files(in directory: String) throws(TriggerError) -> Set<File> {
        guard let listing = opendir(directory) else {
            throw TriggerError(
                .source, "The directory \(directory) can't be listed: \(String(cString: strerror(errno))).")
        }
        defer { closedir(listing) }
        var files: Set<File> = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") || [".part", ".partial", ".tmp"].contains(where: { name.hasSuffix($0) }) {
                continue
            }
            var status = stat()
            let path = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
            // A link may lead out of the directory, and to what never ends.
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            guard files.count < maximumFiles else {
                throw TriggerError(.source, "The directory \(directory) has more than \(maximumFiles) files.")
            }
            files.insert(
                File(
                    path: path, bytes: Int64(status.st_size),
                    modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)))
        }
        return files
    }
}

/// A directory may lie on a disk that takes its time: looked at from a thread that nobody else waits for.
private func onFileThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(TriggerError) -> Value
) async throws(TriggerError) -> Value {
    let result = await withCheckedContinuation {
        (continuation: CheckedContinuation<Result<Value, TriggerError>, Never>) in
        Thread { continuation.resume(returning: Result(catching: body)) }.start()
    }
    return try result.get()
}
