using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;

namespace Qm.Fleet.Controller.Tests.Attacks;

[Trait("Requirement", "QMF-ATTACK-004")]
public sealed class TlsTests
{
    private const byte Alert = 21;
    private const byte Handshake = 22;

    // Of a version so old OpenSSL does not say that it is one.
    private const byte HandshakeFailure = 40;
    private const byte ProtocolVersion = 70;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0x0300)]
    [InlineData(0x0301)]
    [InlineData(0x0302)]
    [InlineData(0x0303)]
    public async Task Hello_OfAnOlderVersion_IsAnsweredWithAnAlert(int version)
    {
        await using var controller = await RunningController.StartAsync();
        using var tcp = await RawTls.TcpAsync(controller);
        await tcp.GetStream().WriteAsync(ClientHello(version), Ct);

        var answer = System.Text.Encoding.Latin1.GetBytes(await RawTls.AnswersAsync(tcp.GetStream()));

        Assert.Equal((Alert, version == 0x0300 ? HandshakeFailure : ProtocolVersion), (answer[0], answer[6]));
        Assert.Equal(7, answer.Length);
        await Witness.IsServedAsync(controller);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("\u0080\u002e\u0001\u0000\u0002\u0000\u0015\u0000\u0000\u0000\u0010")]
    [InlineData("\u0016\u0003\u0001\u00ff\u00ff\u0001\u0000\u00ff\u00ff")]
    public async Task FirstBytes_OfSomethingElse_AreAnsweredWithNoHandshake(string bytes)
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { HandshakeTimeout = 1 });
        using var tcp = await RawTls.TcpAsync(controller);
        await tcp.GetStream().WriteAsync(System.Text.Encoding.Latin1.GetBytes(bytes), Ct);

        var answer = await RawTls.AnswersAsync(tcp.GetStream());

        Assert.NotEqual(Handshake, (byte)answer.FirstOrDefault());
        Assert.DoesNotContain("HTTP/", answer, StringComparison.Ordinal);
    }

    // TLS 1.3 has no renegotiation. What it has instead is a change of keys, which s_client asks for on a line with K.
    [Fact]
    public async Task KeyChanges_InAStorm_CostOthersNothing()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/openssl"), "openssl is not installed");
        await using var controller = await RunningController.StartAsync();
        var admin = Path.Combine(controller.Options.State, "pki/admin");
        using var client = Process.Start(new ProcessStartInfo(
            "/usr/bin/openssl",
            ["s_client", "-connect", new Uri(controller.Https).Authority, "-CAfile", $"{admin}/ca.crt", "-cert", $"{admin}/admin.crt", "-key", $"{admin}/admin.key", "-alpn", "http/1.1"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (client.StandardOutput.ReadToEndAsync(Ct), client.StandardError.ReadToEndAsync(Ct));
        try
        {
            for (var change = 0; change < 500 && !client.HasExited; change++)
            {
                await client.StandardInput.WriteAsync("K\n");
                await client.StandardInput.FlushAsync(Ct);
                if (change % 100 == 0)
                {
                    await Witness.IsServedAsync(controller);
                }
            }
            // Renegotiation is not even asked for.
            await client.StandardInput.WriteAsync("R\n");
            client.StandardInput.Close();
        }
        catch (IOException)
        {
            // Cut off: as good.
        }

        await client.WaitForExitAsync(Ct).WaitAsync(RunningController.Deadline, Ct);
        await Task.WhenAll(output, errors);
        Assert.Contains("KEYUPDATE", await errors, StringComparison.Ordinal);
        await Witness.IsServedAsync(controller);
    }

    /// <summary>A hello of a client that knows TLS up to a version, with what a server of that time needs.</summary>
    private static byte[] ClientHello(int version)
    {
        byte[] suites = [0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x2f, 0x00, 0x35];
        byte[] extensions =
        [
            0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17,                         // P-256
            0x00, 0x0b, 0x00, 0x02, 0x01, 0x00,                                     // uncompressed
            0x00, 0x0d, 0x00, 0x08, 0x00, 0x06, 0x04, 0x03, 0x04, 0x01, 0x02, 0x01, // ECDSA and RSA with SHA-256, RSA with SHA-1
        ];
        byte[] body =
        [
            (byte)(version >> 8), (byte)version, .. RandomNumberGenerator.GetBytes(32), 0,
            0, (byte)suites.Length, .. suites, 1, 0, 0, (byte)extensions.Length, .. extensions,
        ];
        var record = new byte[9 + body.Length];
        (record[0], record[1], record[2]) = (Handshake, 3, 1);
        BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(3), (ushort)(4 + body.Length));
        record[5] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(7), (ushort)body.Length);
        body.CopyTo(record.AsSpan(9));
        return record;
    }
}
