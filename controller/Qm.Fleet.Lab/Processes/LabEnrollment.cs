using Grpc.Net.Client;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.V1;

namespace Qm.Fleet.Lab.Processes;

/// <summary>What a person brings to nodes so that they join: the controller's authority, and a token.</summary>
internal sealed class LabEnrollment(LabDirectory directory, GrpcChannel channel)
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const string TokenName = "lab";

    /// <summary>Brings it to every node.</summary>
    /// <param name="nodes">The nodes.</param>
    /// <param name="token">Whether there is a token; without, each waits to be approved.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task PrepareAsync(IReadOnlyList<EmulatedNode> nodes, bool token, CancellationToken cancellation)
    {
        var authority = Path.Combine(directory.ControllerState, "pki", "admin", "ca.crt");
        var text = token ? await MakeTokenAsync(nodes.Count, cancellation).ConfigureAwait(false) : null;
        foreach (var node in nodes)
        {
            var etc = System.IO.Directory.CreateDirectory(Path.Combine(node.Root, "etc/qm-fleet/pki"));
            File.Copy(authority, Path.Combine(etc.FullName, "ca.crt"));
            if (text is not null)
            {
                await WriteTokenAsync(node, text, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Brings a token to one node.</summary>
    public static async Task WriteTokenAsync(EmulatedNode node, string text, CancellationToken cancellation)
    {
        var stream = new FileStream(Path.Combine(node.Root, "etc/qm-fleet/join-token"), new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = Private });
        await using (stream.ConfigureAwait(false))
        {
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text), cancellation).ConfigureAwait(false);
        }
    }

    private async Task<string> MakeTokenAsync(int uses, CancellationToken cancellation) => (await new EnrollmentService.EnrollmentServiceClient(channel).CreateJoinTokenAsync(
        new() { Name = TokenName, Nodes = { "*" }, MaxUses = uses }, cancellationToken: cancellation).ConfigureAwait(false)).Secret;
}
