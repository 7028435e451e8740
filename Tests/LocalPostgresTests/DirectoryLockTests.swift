import Foundation
import Glibc
import Synchronization
import TemporaryFolder
import Testing

@testable import LocalPostgres

@Suite("The lock of a cluster's directory")
struct DirectoryLockTests {
    /// A descriptor closed twice is somebody else's the second time: whoever opened a file in between loses it.
    @Test func aRefusedLockClosesNothingOfOthers() throws {
        let directory = try TemporaryFolder()
        let path = directory.place("lock")
        let held = try DirectoryLock(path)
        let isDone = Mutex(false)
        let lost = Mutex(0)
        let threads = DispatchGroup()
        for _ in 0..<2 {
            threads.enter()
            Thread {
                while !isDone.withLock({ $0 }) {
                    let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
                    sched_yield()
                    if file >= 0, close(file) != 0 { lost.withLock { $0 += 1 } }
                }
                threads.leave()
            }.start()
        }
        var refusals = 0
        for _ in 0..<60_000 {
            do { _ = try DirectoryLock(path) } catch { refusals += 1 }
        }
        #expect(refusals == 60_000)
        isDone.withLock { $0 = true }
        threads.wait()
        #expect(lost.withLock { $0 } == 0)
        withExtendedLifetime((held, directory)) {}
    }
}
