using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>
/// How a connection ends whose client takes no heed of refusals. It is told to begin nothing more, with a GOAWAY that lets run what runs; what it had begun until it could read that
/// is given up with ENHANCE_YOUR_CALM, which clients of gRPC tell as RESOURCE_EXHAUSTED. Whoever begins more nevertheless is cut off.
/// </summary>
internal sealed class Farewell
{
    /// <summary>ENHANCE_YOUR_CALM of RFC 9113.</summary>
    private const int EnhanceYourCalm = 11;

    private int _givenUp;

    /// <summary>Gives each connection of a listener its own.</summary>
    public static void Prepare(ConnectionContext connection) => connection.Features.Set(new Farewell());

    /// <summary>Tells the client of a request to begin nothing more on its connection, which ends when what runs has ended.</summary>
    public static void BeginNothingMore(HttpContext context)
    {
        if (context.Features.Get<IHttpResetFeature>() is null)
        {
            context.Response.Headers.Connection = "close";
            return;
        }
        context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
    }

    /// <summary>Ends the connection of a request, and gives the request up where a stream of its own can tell that; over HTTP/1.1 the answer is the last one on its connection.</summary>
    /// <returns>Whether the request was given up; else it wants its answer.</returns>
    public static bool IsGivenUp(HttpContext context)
    {
        if (context.Features.Get<IHttpResetFeature>() is not { } stream || context.Features.Get<Farewell>() is not { } farewell)
        {
            BeginNothingMore(context);
            return false;
        }
        switch (Interlocked.Increment(ref farewell._givenUp))
        {
            case 1:
                BeginNothingMore(context);
                break;
            // More than a connection has at once were not under way when it was told.
            case > ServerLimits.StreamsPerConnection:
                context.Features.Get<IConnectionLifetimeFeature>()?.Abort();
                return true;
        }
        stream.Reset(EnhanceYourCalm);
        return true;
    }
}
