import CCurl
import CCurlShims
import CShims
import Glibc
import Synchronization

/// The one thread that runs libcurl for one client. All handles live and die on it, with connections shared between
/// transfers; everybody else only leaves commands in the inbox and wakes it.
///
/// `@unchecked`: `running` belongs to the thread; `multi` is used off it for `curl_multi_wakeup` alone, which
/// libcurl allows from any thread, and only while `Inbox.isClosed` is false.
final class TransferLoop: @unchecked Sendable {
    private enum Command {
        case start(Transfer)
        case cancel(Transfer)
        case resume(Transfer)
    }

    private struct Inbox {
        var commands: [Command] = []
        var isStopping = false
        var isClosed = false
    }

    private static let isInitialized: Void = {
        let code = curl_shim_global_init()
        precondition(code == CURLE_OK, "libcurl cannot be initialised: \(String(cString: curl_easy_strerror(code))).")
    }()

    private let multi: UnsafeMutableRawPointer
    private let inbox = Mutex(Inbox())
    /// By easy handle.
    private var running: [UnsafeMutableRawPointer: Transfer] = [:]

    init(maxConnections: Int, maxConnectionsPerHost: Int) {
        Self.isInitialized
        guard let multi = curl_multi_init() else { preconditionFailure("libcurl has no memory for a multi handle.") }
        self.multi = multi
        let limits = [
            (CURLMOPT_MAX_TOTAL_CONNECTIONS, maxConnections), (CURLMOPT_MAXCONNECTS, maxConnections),
            (CURLMOPT_MAX_HOST_CONNECTIONS, maxConnectionsPerHost),
        ]
        for (option, value) in limits {
            let code = curl_shim_multi_set_long(multi, option, value)
            precondition(code == CURLM_OK, "libcurl refused option \(option.rawValue).")
        }
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                guard let context else { preconditionFailure("The transfer thread was started without its loop.") }
                let failure = shim_set_thread_name("http-transfers")
                precondition(failure == 0, "A thread cannot be named: \(String(cString: strerror(failure))).")
                Unmanaged<TransferLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(failure == 0, "No thread for HTTP transfers: \(String(cString: strerror(failure))).")
        pthread_detach(thread)
    }

    func start(_ transfer: Transfer) { send(.start(transfer)) }
    func cancel(_ transfer: Transfer) {
        transfer.requestCancellation()
        send(.cancel(transfer))
    }
    func resume(_ transfer: Transfer) { send(.resume(transfer)) }

    /// Lets the thread end as soon as no transfer is under way.
    func stop() {
        inbox.withLock { inbox in
            inbox.isStopping = true
            if !inbox.isClosed { curl_multi_wakeup(multi) }
        }
    }

    private func send(_ command: Command) {
        inbox.withLock { inbox in
            // Closed: no transfer is left, so there is nothing to cancel or resume. Nobody starts one after stop().
            guard !inbox.isClosed else { return }
            inbox.commands.append(command)
            curl_multi_wakeup(multi)
        }
    }

    private func run() {
        while true {
            let commands = inbox.withLock { inbox -> [Command] in
                let commands = inbox.commands
                inbox.commands = []
                return commands
            }
            for command in commands { perform(command) }
            var count: CInt = 0
            let code = curl_multi_perform(multi, &count)
            precondition(code == CURLM_OK, "libcurl: \(String(cString: curl_multi_strerror(code))).")
            finishCompleted()
            if running.isEmpty && close() { break }
            curl_multi_poll(multi, nil, 0, 60_000, nil)
        }
        curl_multi_cleanup(multi)
    }

    /// True when the owner has gone and nothing is left to do.
    private func close() -> Bool {
        inbox.withLock { inbox in
            guard inbox.isStopping && inbox.commands.isEmpty else { return false }
            inbox.isClosed = true
            return true
        }
    }

    private func perform(_ command: Command) {
        switch command {
        case .start(let transfer):
            if case .upload(let upload, _) = transfer.request.body {
                // Whoever owns the loop waits for the transfer, so neither goes before it.
                upload.begin { [weak self, weak transfer] in if let self, let transfer { self.resume(transfer) } }
            }
            guard let easy = transfer.begin() else { return }
            let code = curl_multi_add_handle(multi, easy)
            precondition(code == CURLM_OK, "libcurl: \(String(cString: curl_multi_strerror(code))).")
            running[easy] = transfer
        case .cancel(let transfer):
            guard let easy = transfer.handle, running.removeValue(forKey: easy) != nil else { return }
            curl_multi_remove_handle(multi, easy)
            transfer.finishCancelled()
        case .resume(let transfer):
            guard let easy = transfer.handle, running[easy] != nil else { return }
            // A refused unpause ends the transfer with its own message, read below.
            curl_shim_unpause(easy)
        }
    }

    private func finishCompleted() {
        var left: CInt = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            let code = curl_shim_message_result(message)
            guard let transfer = running.removeValue(forKey: easy) else {
                preconditionFailure("libcurl finished a transfer that is not running.")
            }
            curl_multi_remove_handle(multi, easy)
            transfer.finish(code)
        }
    }
}
