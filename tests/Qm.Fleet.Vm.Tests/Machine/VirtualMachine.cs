using System.Diagnostics;
using System.Net.Sockets;

namespace Qm.Fleet.Vm.Tests.Machine;

/// <summary>A running machine; nothing it writes outlives it.</summary>
internal sealed class VirtualMachine : IAsyncDisposable
{
    // Longer than all tests take; a machine that is forgotten ends by itself.
    private const string LongestLife = "90m";
    private const string PayloadFile = "payload.tar";
    private const int PayloadBytesMax = 64 * 1024 * 1024;
    private static readonly TimeSpan BootDeadline = TimeSpan.FromMinutes(12);

    private readonly Process _process;
    private readonly string _folder;

    private VirtualMachine(Process process, string folder, GuestShell shell) => (_process, _folder, Shell) = (process, folder, shell);

    /// <summary>Runs scripts in it.</summary>
    internal GuestShell Shell { get; }

    /// <summary>Boots an image.</summary>
    /// <param name="image">What to boot.</param>
    /// <param name="kernel">More of its kernel's command line.</param>
    internal static async Task<VirtualMachine> BootAsync(VmImage image, string kernel)
    {
        var folder = Directory.CreateTempSubdirectory("qm-fleet-vm-").FullName;
        var port = Path.Combine(folder, "shell.sock");
        var disk = Path.Combine(folder, PayloadFile);
        await using (var blank = File.Create(disk))
        {
            blank.SetLength(PayloadBytesMax);
        }

        string[] arguments =
        [
            "--kill-after=5s", LongestLife, "qemu-system-x86_64",
            // Without hardware acceleration, with a thread for each processor. "max" has cmpxchg16b, without which a
            // NativeAOT runtime ends as an illegal instruction, and the vector instructions that make TLS bearable.
            "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072",
            "-kernel", Path.Combine(image.Folder, "vmlinuz"), "-initrd", Path.Combine(image.Folder, "initrd"),
            "-append", $"root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0 audit=0 mitigations=off {kernel}",
            "-drive", $"file={Path.Combine(image.Folder, "disk.img")},format=raw,if=virtio,cache=unsafe,snapshot=on",
            "-drive", $"file={disk},format=raw,if=virtio,readonly=on",
            "-device", "virtio-serial", "-chardev", $"socket,id=shell,path={port},server=off", "-device", "virtserialport,chardev=shell,name=qm-fleet.shell",
            "-nic", "user,model=virtio-net-pci", "-display", "none", "-monitor", "none", "-serial", $"file:{Path.Combine(folder, "console.log")}", "-no-reboot",
        ];
        // The machine connects to the test and not the other way round: whoever waits for a socket's name may find it before anybody listens there.
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(port));
        listener.Listen();
        var process = Process.Start(new ProcessStartInfo("timeout", arguments) { RedirectStandardError = true, Environment = { ["TMPDIR"] = folder } })!;
        var errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(BootDeadline);
        var exit = process.WaitForExitAsync(limit.Token);
        try
        {
            var shell = GuestShell.AcceptAsync(listener, limit.Token);
            return await Task.WhenAny(shell, exit) == shell ? new(process, folder, await shell) : throw new IOException("the machine ended");
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
        {
            var console = Path.Combine(folder, "console.log");
            var said = $"{(process.HasExited ? await errors : "")}\n{(File.Exists(console) ? await File.ReadAllTextAsync(console, CancellationToken.None) : "")}";
            await EndAsync(process, folder);
            throw new InvalidOperationException($"the machine did not boot within {BootDeadline.TotalMinutes:0} minutes: {e.Message}\n{said}", e);
        }
    }

    /// <summary>Unpacks a tar over the guest's root. It goes over the second disk, which was blank at boot: making the tar takes as long as booting.</summary>
    internal async Task UnpackAsync(byte[] tar, CancellationToken ct)
    {
        await using (var disk = File.OpenWrite(Path.Combine(_folder, PayloadFile)))
        {
            await disk.WriteAsync(tar, ct);
        }

        // Past the guest's cache, which may hold the blank beginning.
        await Shell.RunAsync("dd if=/dev/vdb iflag=direct bs=1M status=none | tar -x -C /", ct);
    }

    public async ValueTask DisposeAsync()
    {
        await Shell.DisposeAsync();
        await EndAsync(_process, _folder);
    }

    private static async Task EndAsync(Process process, string folder)
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
