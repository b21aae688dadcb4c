using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf.Reflection;
using Microsoft.OpenApi;

namespace Qm.Fleet.Controller.Rest.OpenApi;

/// <summary>Writes what REST offers as an OpenAPI document: every route of every method, with the comments of the protos.</summary>
internal sealed partial class OpenApiWriter
{
    /// <summary>Where it is served.</summary>
    public const string Route = "/openapi/v1.json";

    private readonly ProtoComments _comments;
    private readonly OpenApiDocument _document;
    private readonly OpenApiSchemas _schemas;

    // Two templates that differ in the names of their parameters only are one path to OpenAPI.
    private readonly Dictionary<string, string> _paths = new(StringComparer.Ordinal);

    private OpenApiWriter(ProtoComments comments)
    {
        _comments = comments;
        _document = new OpenApiDocument
        {
            Info = new OpenApiInfo
            {
                Title = "QM Fleet",
                Version = "v1",
                Description = "The REST twin of the gRPC API qm.fleet.v1. Errors are google.rpc.Status; streams are JSON, one message a line.",
            },
            Paths = [],
            Components = new OpenApiComponents { Schemas = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal) },
            Tags = new HashSet<OpenApiTag>(),
        };
        _schemas = new OpenApiSchemas(_document, comments);
    }

    /// <summary>The document, OpenAPI 3.0 in JSON.</summary>
    public static async Task<string> WriteAsync(ProtoComments comments, CancellationToken ct)
    {
        var writer = new OpenApiWriter(comments);
        foreach (var service in ApiServices.All)
        {
            writer._document.Tags!.Add(new OpenApiTag { Name = service.Name, Description = comments[service.FullName] });
            foreach (var method in service.Methods)
            {
                foreach (var (route, index) in ApiServices.Routes(method).Select(static (route, index) => (route, index)))
                {
                    writer.Add(route, index);
                }
            }
        }
        return await writer._document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_0, ct).ConfigureAwait(false);
    }

    private void Add(RestRoute route, int index)
    {
        // Every slash of operations/** belongs to the name, which OpenAPI cannot say.
        var template = MultiSegment().Replace(route.Template, static match => $"{match.Groups[2].Value}{{{match.Groups[1].Value}}}");
        var shape = Parameter().Replace(template, "{}");
        var path = _paths.TryGetValue(shape, out var same) ? same : _paths[shape] = template;
        if (!_document.Paths.TryGetValue(path, out var item))
        {
            _document.Paths[path] = item = new OpenApiPathItem();
        }
        ((OpenApiPathItem)item).AddOperation(HttpMethod.Parse(route.Verb), Operation(route, index, path));
    }

    private OpenApiOperation Operation(RestRoute route, int index, string path)
    {
        var method = route.Method;
        var name = $"{method.Service.Name}_{method.Name}";
        var names = Parameter().Matches(path).Select(static match => match.Groups[1].Value);
        return new OpenApiOperation
        {
            OperationId = index == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}_{index + 1}"),
            Tags = new HashSet<OpenApiTagReference> { new(method.Service.Name, _document) },
            Description = _comments[method.FullName],
            Parameters =
            [
                .. names.Zip(route.Parameters, (shown, field) => PathParameter(shown, Field(method.InputType, field))),
                .. route.Query.Select(QueryParameter),
            ],
            RequestBody = route.Body is null ? null : new OpenApiRequestBody { Required = route.BodyField is not null, Content = Json(route.Body) },
            Responses = new OpenApiResponses
            {
                ["200"] = new OpenApiResponse { Description = method.IsServerStreaming ? "Messages, one a line, until the client ends it." : "Done.", Content = Json(method.OutputType) },
                ["default"] = new OpenApiResponse { Description = "Not done; the details say why.", Content = Json(Google.Rpc.Status.Descriptor) },
            },
        };
    }

    private OpenApiParameter PathParameter(string shown, FieldDescriptor field) => new()
    {
        Name = shown,
        In = ParameterLocation.Path,
        Required = true,
        Description = _comments[field.FullName],
        Schema = _schemas.Of(field),
    };

    private OpenApiParameter QueryParameter((string Name, FieldDescriptor Field) query) => new()
    {
        Name = query.Name,
        In = ParameterLocation.Query,
        Description = _comments[query.Field.FullName],
        Schema = _schemas.Of(query.Field),
    };

    private Dictionary<string, IOpenApiMediaType> Json(MessageDescriptor message) => new() { [StatusJson.MediaType] = new OpenApiMediaType { Schema = _schemas.Of(message) } };

    private static FieldDescriptor Field(MessageDescriptor message, string path)
    {
        var steps = path.Split('.');
        return steps[..^1].Aggregate(message, static (at, step) => at.FindFieldByName(step).MessageType).FindFieldByName(steps[^1]);
    }

    [GeneratedRegex(@"\{([^}=]+)=([^}*]*)\*\*\}")]
    private static partial Regex MultiSegment();

    [GeneratedRegex(@"\{([^}]+)\}")]
    private static partial Regex Parameter();
}
