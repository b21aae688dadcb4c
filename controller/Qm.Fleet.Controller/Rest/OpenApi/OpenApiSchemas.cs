using System.Text.Json.Nodes;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Microsoft.OpenApi;

namespace Qm.Fleet.Controller.Rest.OpenApi;

/// <summary>The JSON of messages and enums as schemas of a document; each becomes a component once it is asked for.</summary>
/// <param name="document">Gets the components.</param>
/// <param name="comments">Become descriptions.</param>
internal sealed class OpenApiSchemas(OpenApiDocument document, ProtoComments comments)
{
    private const string Package = "qm.fleet.v1.";
    private const string AnyName = "google.protobuf.Any";

    /// <summary>The schema of a message, by reference, or itself where protobuf has JSON of its own for it.</summary>
    public IOpenApiSchema Of(MessageDescriptor message)
    {
        if (WellKnown(message) is { } known)
        {
            return known;
        }
        var name = Name(message.FullName);
        if (Begin(name, out var schema))
        {
            (schema.Type, schema.Description) = (JsonSchemaType.Object, Comment(message.FullName));
            schema.Properties = message.Fields.InDeclarationOrder().ToDictionary(static field => field.JsonName, Of, StringComparer.Ordinal);
            schema.AdditionalPropertiesAllowed = false;
        }
        return new OpenApiSchemaReference(name, document);
    }

    /// <summary>The schema of a field's value, with the field's comment.</summary>
    public IOpenApiSchema Of(FieldDescriptor field)
    {
        var schema = field.IsMap
            ? new OpenApiSchema { Type = JsonSchemaType.Object, AdditionalProperties = One(field.MessageType.FindFieldByNumber(2)) }
            : field.IsRepeated ? new OpenApiSchema { Type = JsonSchemaType.Array, Items = One(field) } : Inlined(One(field));
        schema.Description = Comment(field.FullName) ?? schema.Description;
        return schema;
    }

    private IOpenApiSchema One(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Bool => Plain(JsonSchemaType.Boolean, null),
        FieldType.String => Plain(JsonSchemaType.String, null),
        FieldType.Bytes => Plain(JsonSchemaType.String, "byte"),
        FieldType.Double => Plain(JsonSchemaType.Number, "double"),
        FieldType.Float => Plain(JsonSchemaType.Number, "float"),
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => Plain(JsonSchemaType.Integer, "int32"),
        FieldType.UInt32 or FieldType.Fixed32 => Plain(JsonSchemaType.Integer, "int64"),
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => Plain(JsonSchemaType.String, "int64"),
        FieldType.UInt64 or FieldType.Fixed64 => Plain(JsonSchemaType.String, "uint64"),
        FieldType.Enum => Of(field.EnumType),
        _ => Of(field.MessageType),
    };

    private OpenApiSchemaReference Of(EnumDescriptor type)
    {
        var name = Name(type.FullName);
        if (Begin(name, out var schema))
        {
            schema.Type = JsonSchemaType.String;
            schema.Enum = [.. type.Values.Select(static value => (JsonNode)JsonValue.Create(value.Name))];
            schema.Description = string.Join('\n', type.Values.Select(value => $"{value.Name}: {comments[$"{type.FullName}.{value.Name}"]}").Prepend(comments[type.FullName]));
        }
        return new OpenApiSchemaReference(name, document);
    }

    /// <summary>Reserves a component before it is filled, since messages hold one another.</summary>
    private bool Begin(string name, out OpenApiSchema schema)
    {
        schema = new OpenApiSchema();
        if (document.Components!.Schemas!.ContainsKey(name))
        {
            return false;
        }
        document.AddComponent(name, schema);
        return true;
    }

    private static OpenApiSchema? WellKnown(MessageDescriptor message)
    {
        if (message == Timestamp.Descriptor)
        {
            return Plain(JsonSchemaType.String, "date-time");
        }
        if (message == Duration.Descriptor)
        {
            return new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^-?[0-9]+(\\.[0-9]{1,9})?s$", Description = "Seconds, such as 90s or 0.5s." };
        }
        if (message == FieldMask.Descriptor)
        {
            return new OpenApiSchema { Type = JsonSchemaType.String, Description = "Fields, joined by commas, such as metadata.labels,spec." };
        }
        if (message == Struct.Descriptor)
        {
            return new OpenApiSchema { Type = JsonSchemaType.Object, AdditionalProperties = new OpenApiSchema() };
        }
        if (message == ListValue.Descriptor)
        {
            return new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema() };
        }
        if (message.FullName == AnyName)
        {
            return new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Properties = new Dictionary<string, IOpenApiSchema> { ["@type"] = Plain(JsonSchemaType.String, null) },
                AdditionalProperties = new OpenApiSchema(),
            };
        }
        return message == Value.Descriptor ? new OpenApiSchema() : null;
    }

    // In OpenAPI 3.0 nothing may stand beside a reference.
    private static OpenApiSchema Inlined(IOpenApiSchema schema) => schema as OpenApiSchema ?? new OpenApiSchema { AllOf = [schema] };

    private static OpenApiSchema Plain(JsonSchemaType type, string? format) => new() { Type = type, Format = format };

    private string? Comment(string fullName) => comments[fullName] is { Length: > 0 } comment ? comment : null;

    private static string Name(string fullName) => fullName.StartsWith(Package, StringComparison.Ordinal) ? fullName[Package.Length..] : fullName;
}
