namespace Qm.Fleet.Controller.Rest.OpenApi;

/// <summary>Serves the document, which is written when it is first asked for.</summary>
internal sealed class OpenApiDownload
{
    // The same for everybody, so nobody's cancellation ends it.
    private readonly Lazy<Task<string>> _document = new(static () => OpenApiWriter.WriteAsync(ProtoComments.Read(), CancellationToken.None));

    /// <summary>Answers for one request.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        context.Response.ContentType = StatusJson.MediaType;
        await context.Response.WriteAsync(await _document.Value.ConfigureAwait(false), context.RequestAborted).ConfigureAwait(false);
    }
}
