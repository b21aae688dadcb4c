using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>A TLS connection on which a test sends what no client would.</summary>
internal sealed class RawTls : IAsyncDisposable
{
    private readonly TcpClient _tcp;

    private RawTls(TcpClient tcp, SslStream stream) => (_tcp, Stream) = (tcp, stream);

    public SslStream Stream { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Connects without TLS.</summary>
    public static async Task<TcpClient> TcpAsync(RunningController controller)
    {
        var tcp = new TcpClient { NoDelay = true };
        await tcp.ConnectAsync("127.0.0.1", new Uri(controller.Https).Port, Ct);
        return tcp;
    }

    /// <summary>Connects, and shakes hands.</summary>
    /// <param name="controller">With whom.</param>
    /// <param name="certificate">As who; null for nobody.</param>
    /// <param name="protocol">What is spoken on it.</param>
    public static async Task<RawTls> ConnectAsync(RunningController controller, X509Certificate2? certificate, SslApplicationProtocol protocol)
    {
        var tcp = await TcpAsync(controller);
        var stream = new SslStream(tcp.GetStream());
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ApplicationProtocols = [protocol],
                ClientCertificates = certificate is null ? null : [certificate],
                CertificateChainPolicy = Trust(controller.Service<Pki>().Authority),
            },
            Ct).WaitAsync(RunningController.Deadline, Ct);
        return new(tcp, stream);
    }

    /// <summary>Trust in one authority.</summary>
    public static X509ChainPolicy Trust(X509Certificate2 authority)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(authority);
        return trust;
    }

    public async Task SendAsync(string text) => await Stream.WriteAsync(Encoding.Latin1.GetBytes(text), Ct);

    /// <summary>What is answered next, as it comes.</summary>
    public async Task<string> NextAsync()
    {
        var buffer = new byte[4096];
        return Encoding.Latin1.GetString(buffer, 0, await Stream.ReadAsync(buffer, Ct).AsTask().WaitAsync(RunningController.Deadline, Ct));
    }

    /// <summary>What is answered until it has a text, or the server closes the connection.</summary>
    public async Task<string> UntilAsync(string text)
    {
        var answers = new StringBuilder();
        while (!answers.ToString().Contains(text, StringComparison.Ordinal) && await NextAsync() is { Length: > 0 } next)
        {
            answers.Append(next);
        }
        return answers.ToString();
    }

    /// <summary>Everything that is answered until the server closes the connection.</summary>
    public async Task<string> AnswersAsync() => await AnswersAsync(Stream);

    /// <summary>Everything that is answered until the server closes the connection.</summary>
    public static async Task<string> AnswersAsync(Stream stream)
    {
        var answers = new StringBuilder();
        var buffer = new byte[4096];
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(RunningController.Deadline);
        try
        {
            while (await stream.ReadAsync(buffer, late.Token) is > 0 and var count)
            {
                answers.Append(Encoding.Latin1.GetString(buffer, 0, count));
            }
        }
        catch (IOException)
        {
            // Closed with something that nobody read.
        }
        return answers.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await Stream.DisposeAsync();
        _tcp.Dispose();
    }
}
