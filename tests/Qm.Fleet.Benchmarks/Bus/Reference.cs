using System.Diagnostics;
using System.Globalization;
using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.Benchmarks.Bus;

/// <summary>The C programs of <c>reference/</c>, compiled here, on a bus of their own: the other end of the benchmark, and the client that ours is measured by.</summary>
internal sealed class Reference : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("qmfleet-benchmark-");
    private readonly ProcessLauncher _launcher = new();
    private PrivateBus? _bus;
    private ChildProcess? _site;

    private Reference()
    {
    }

    /// <summary>Where the bus is.</summary>
    internal string Address => _bus!.Address;

    /// <summary>Compiles both and starts the site.</summary>
    /// <exception cref="LabException">There is no compiler, no libsystemd to compile against, or no dbus-daemon.</exception>
    internal static async Task<Reference> StartAsync(CancellationToken ct)
    {
        var reference = new Reference();
        try
        {
            var root = reference._directory.FullName;
            await reference.CompileAsync("site", ct);
            await reference.CompileAsync("client", ct);
            reference._bus = await PrivateBus.StartAsync(reference._launcher, root, root, TimeProvider.System, ct);
            reference._site = await ChildProcess.StartAsync(
                reference._launcher, "site", ["env", $"DBUS_SESSION_BUS_ADDRESS={reference.Address}", $"{root}/site"], root, awaitedPrefix: "ready");
            await reference._site.LineAsync(Deadline, TimeProvider.System, ct);
            return reference;
        }
        catch (Exception e) when (e is LabException or OperationCanceledException)
        {
            await reference.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the client.</summary>
    /// <returns>What it measured, in seconds.</returns>
    internal async Task<double[]> RunClientAsync(CancellationToken ct, params IEnumerable<object> arguments)
    {
        var info = new ProcessStartInfo($"{_directory.FullName}/client", arguments.Select(argument => string.Create(CultureInfo.InvariantCulture, $"{argument}")))
        {
            Environment = { ["DBUS_SESSION_BUS_ADDRESS"] = Address },
        };
        return [.. (await RunAsync(info, ct)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => double.Parse(line, CultureInfo.InvariantCulture))];
    }

    public async ValueTask DisposeAsync()
    {
        if (_site is not null)
        {
            await _site.DisposeAsync();
        }

        if (_bus is not null)
        {
            await _bus.DisposeAsync();
        }

        _launcher.Dispose();
        _directory.Delete(recursive: true);
    }

    private Task<string> CompileAsync(string program, CancellationToken ct)
    {
        if (ProcessLauncher.Find("cc") is null || !File.Exists("/usr/include/systemd/sd-bus.h"))
        {
            throw new LabException("The reference is compiled here, and a compiler or libsystemd's headers are missing. Install them: apt-get install gcc libc6-dev libsystemd-dev");
        }

        var source = Path.Combine(AppContext.BaseDirectory, "reference", $"{program}.c");
        return RunAsync(new ProcessStartInfo("cc", ["-O2", "-o", $"{_directory.FullName}/{program}", source, "-lsystemd"]), ct);
    }

    private static async Task<string> RunAsync(ProcessStartInfo info, CancellationToken ct)
    {
        (info.RedirectStandardOutput, info.RedirectStandardError) = (true, true);
        using var process = Process.Start(info)!;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(Deadline);
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(deadline.Token), process.StandardError.ReadToEndAsync(deadline.Token));
            await process.WaitForExitAsync(deadline.Token);
            return process.ExitCode == 0 ? await output : throw new LabException($"{info.FileName} failed: {(await errors).Trim()}");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            process.Kill();
            throw new LabException($"{info.FileName} did not end within {Deadline.TotalSeconds:0} s.");
        }
    }
}
